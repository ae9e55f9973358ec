import type { Cases } from '../run.ts';

const { URL: FromGlobal, crypto: cryptoFromGlobal } = globalThis;
const NAMES = [
  'AbortController', 'AbortSignal', 'Blob', 'Buffer', 'CompressionStream', 'CryptoKey', 'CustomEvent', 'DecompressionStream', 'Event', 'EventTarget', 'File', 'FormData',
  'Headers', 'ReadableStream', 'Request', 'Response', 'SubtleCrypto', 'TextDecoder', 'TextDecoderStream', 'TextEncoder', 'TextEncoderStream', 'TransformStream', 'URL',
  'URLSearchParams', 'WritableStream', 'atob', 'btoa', 'clearInterval', 'clearTimeout', 'console', 'crypto', 'fetch', 'performance', 'process', 'queueMicrotask',
  'setImmediate', 'setInterval', 'setTimeout', 'structuredClone', 'DOMException', 'Promise',
];

export const globals: Cases = {
  'every name is a property of globalThis': () => NAMES.map((name) => [name, name in globalThis, typeof (globalThis as never)[name]]),
  'by destructuring': () => [FromGlobal === URL, cryptoFromGlobal === crypto],
  'in': () => 'crypto' in globalThis,
  'not enumerable, but replaceable': () => [Object.keys(globalThis).includes('URL'), Object.getOwnPropertyDescriptor(globalThis, 'URL')?.configurable],
  'names of classes': () => [URL.name, Request.name, Response.name, Headers.name, Blob.name, AbortController.name, TextDecoder.name, Promise.name],
  'performance': () => {
    const start = performance.now();
    performance.mark('a');
    const measure = performance.measure('m', 'a');
    return [typeof start, performance.now() >= start, Math.abs(performance.timeOrigin - Date.now()) < 600_000, measure.name, measure.entryType, performance.getEntriesByName('a').length];
  },
};
