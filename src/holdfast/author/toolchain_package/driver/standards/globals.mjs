// Which module of the SDK's `src/web` defines which globals, and what else in a program asks for it.

/** The module that brings `\p{…}`. It has to be given the tables of the properties that the program names. */
export const UNICODE_PROPERTIES = 'unicode/properties.ts';

/** What of a program's text asks for Intl without its name. */
const LOCALE_METHODS = /\.(?:toLocale(?:Date|Time)?String|localeCompare)\b|\.toLocale(?:Upper|Lower)Case\((?!\))/;

/**
 * names: the globals that the module defines. asks: text that needs the module although none of its names is there.
 * native: the module is left out for engines that have all of this themselves. under: other modules that need it.
 */
export const MODULES = [
  { module: 'unicode/normalize.ts', names: [], asks: /\bnormalize\b/, under: /^(?:url|intl|fetch|node)\//, native: ['quickjs'] },
  { module: UNICODE_PROPERTIES, names: [], asks: /\\p\{/i, under: /^intl\//, native: ['quickjs'] },
  { module: 'values/console.ts', names: ['console'] },
  { module: 'values/clone.ts', names: ['structuredClone'], native: ['starlingmonkey'] },
  { module: 'clock/timers.ts', names: ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'] },
  { module: 'clock/performance.ts', names: ['performance'] },
  { module: 'encoding/text.ts', names: ['TextEncoder', 'TextDecoder'] },
  { module: 'encoding/multibyte.ts', names: [], asks: /\b(?:shift[-_]?jis|sjis|gbk|gb2312|gb18030|big5|euc[-_]?jp|euc[-_]?kr|iso-2022-jp)\b/i, with: ['TextDecoder'] },
  { module: 'url/url.ts', names: ['URL', 'URLSearchParams'] },
  { module: 'events/events.ts', names: ['Event', 'CustomEvent', 'EventTarget'] },
  { module: 'events/abort.ts', names: ['AbortController', 'AbortSignal'] },
  {
    module: 'streams/streams.ts',
    names: [
      'ReadableStream', 'ReadableStreamDefaultReader', 'ReadableStreamBYOBReader', 'ReadableStreamDefaultController', 'ReadableByteStreamController',
      'ReadableStreamBYOBRequest', 'WritableStream', 'WritableStreamDefaultWriter', 'WritableStreamDefaultController', 'TransformStream',
      'TransformStreamDefaultController', 'ByteLengthQueuingStrategy', 'CountQueuingStrategy',
    ],
    native: ['starlingmonkey'],
  },
  { module: 'streams/text.ts', names: ['TextDecoderStream', 'TextEncoderStream'] },
  { module: 'streams/compression.ts', names: ['CompressionStream', 'DecompressionStream'] },
  { module: 'fetch/headers.ts', names: ['Headers'] },
  { module: 'fetch/blob.ts', names: ['Blob', 'File'] },
  { module: 'fetch/form_data.ts', names: ['FormData'] },
  { module: 'fetch/request.ts', names: ['Request'], asks: /\.toRequest\b/ },
  { module: 'fetch/response.ts', names: ['Response'] },
  { module: 'fetch/fetch.ts', names: ['fetch'] },
  { module: 'crypto/crypto.ts', names: ['crypto', 'Crypto'] },
  { module: 'crypto/subtle.ts', names: ['CryptoKey', 'SubtleCrypto'], asks: /\bsubtle\b/, with: ['crypto'] },
  { module: 'crypto/aes.ts', names: [], asks: /\baes\b/i, with: ['crypto'] },
  { module: 'crypto/rsa_keys.ts', names: [], asks: /\bRSA/i, with: ['crypto'] },
  { module: 'crypto/elliptic.ts', names: [], asks: /\b(?:ecdsa|ecdh)\b/i, with: ['crypto'] },
  { module: 'crypto/edwards.ts', names: [], asks: /\b(?:ed25519|x25519|eddsa)\b/i, with: ['crypto'] },
  { module: 'intl/global.ts', names: ['Intl'], asks: LOCALE_METHODS },
  { module: 'node/process.ts', names: ['process'] },
  { module: 'node/buffer.ts', names: ['Buffer'] },
];

/** Every name that programs may find on globalThis only because a module puts it there. */
export const NAMES = MODULES.flatMap((one) => one.names);

/** The modules for a program that uses the globals `used` and whose code is `text`, in an order in which they may be evaluated. */
export function modulesFor(used, text, engine) {
  const isAsked = (one) => {
    if (one.native?.includes(engine)) return false;
    if (one.names.some((name) => used.has(name))) return true;
    return one.asks?.test(text) === true && (one.with === undefined || one.with.some((name) => used.has(name)));
  };
  const asked = MODULES.filter(isAsked);
  const isUnder = (one) => !one.native?.includes(engine) && one.under !== undefined && asked.some((other) => one.under.test(other.module));
  return MODULES.filter((one) => asked.includes(one) || isUnder(one)).map((one) => one.module);
}
