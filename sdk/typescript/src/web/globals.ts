// Injected into every build of a handler. The bundler includes each global only if the handler uses it.
import { structuredClone } from './clone.ts';
import { console } from './console.ts';
import { crypto } from './crypto.ts';
import { performance } from './performance.ts';
import { URLSearchParams } from './query.ts';
import { TextDecoder, TextEncoder } from './text.ts';
import { clearInterval, clearTimeout, setInterval, setTimeout } from './timers.ts';
import { URL } from './url.ts';

export {
  clearInterval, clearTimeout, console, crypto, performance, setInterval, setTimeout, structuredClone, TextDecoder, TextEncoder, URL,
  URLSearchParams,
  clearInterval as 'globalThis.clearInterval', clearTimeout as 'globalThis.clearTimeout', console as 'globalThis.console',
  crypto as 'globalThis.crypto', performance as 'globalThis.performance', setInterval as 'globalThis.setInterval',
  setTimeout as 'globalThis.setTimeout', structuredClone as 'globalThis.structuredClone', TextDecoder as 'globalThis.TextDecoder',
  TextEncoder as 'globalThis.TextEncoder', URL as 'globalThis.URL', URLSearchParams as 'globalThis.URLSearchParams',
};
