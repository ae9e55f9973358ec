// The module `zlib`, by the package fflate: what works on whole buffers.
import { deflateSync as packRaw, gunzipSync as gunzipBytes, gzipSync as gzipBytes, inflateSync as unpackRaw, unzlibSync, zlibSync } from '@toolchain/fflate';
import { Buffer } from './buffer.ts';

interface Options {
  level?: number;
}

type Input = string | ArrayBuffer | ArrayBufferView;
type Done = (error: Error | null, result?: Uint8Array) => void;
type Work = (input: Input, options?: Options) => Uint8Array;

const bytesOf = (input: Input): Uint8Array => {
  if (typeof input === 'string') return Buffer.from(input);
  return ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
};

const packing = (work: (bytes: Uint8Array, options: object) => Uint8Array): Work => (input, options = {}) => {
  const level = options.level === undefined || options.level < 0 ? 6 : options.level;
  return Buffer.from(work(bytesOf(input), { level, mtime: 0 }));
};

const unpacking = (work: (bytes: Uint8Array) => Uint8Array): Work => (input) => {
  try {
    return Buffer.from(work(bytesOf(input)));
  } catch (error) {
    throw Object.assign(new Error((error as Error).message), { code: 'Z_DATA_ERROR', errno: -3 });
  }
};

const withCallback = (work: Work) => (input: Input, options: Options | Done, callback?: Done): void => {
  const done = typeof options === 'function' ? options : (callback as Done);
  queueMicrotask(() => {
    let result: Uint8Array;
    try {
      result = work(input, typeof options === 'function' ? {} : options);
    } catch (error) {
      return done(error as Error);
    }
    done(null, result);
  });
};

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

export const gzipSync = packing(gzipBytes);
export const gunzipSync = unpacking(gunzipBytes);
export const deflateSync = packing(zlibSync);
export const inflateSync = unpacking(unzlibSync);
export const deflateRawSync = packing(packRaw);
export const inflateRawSync = unpacking(unpackRaw);
export const unzipSync: Work = (input) => (isGzip(bytesOf(input)) ? gunzipSync(input) : inflateSync(input));
export const gzip = withCallback(gzipSync);
export const gunzip = withCallback(gunzipSync);
export const deflate = withCallback(deflateSync);
export const inflate = withCallback(inflateSync);
const deflateRaw_ = withCallback(deflateRawSync);
const inflateRaw_ = withCallback(inflateRawSync);
export const unzip = withCallback(unzipSync);
export const constants = { Z_NO_COMPRESSION: 0, Z_BEST_SPEED: 1, Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1, Z_SYNC_FLUSH: 2, Z_FINISH: 4 };

const zlib = {
  gzipSync, gunzipSync, deflateSync, inflateSync, deflateRawSync, inflateRawSync, unzipSync, gzip, gunzip, deflate, inflate,
  deflateRaw: deflateRaw_, inflateRaw: inflateRaw_, unzip, constants,
};
export { deflateRaw_ as deflateRaw, inflateRaw_ as inflateRaw };
export default zlib;
export { zlib as 'module.exports' };
