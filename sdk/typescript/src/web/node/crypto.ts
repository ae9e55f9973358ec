// The module `crypto`: hashes, HMAC, random values, key derivation, AES, and signatures with keys in PEM, by the @noble packages.
import '../crypto/subtle.ts';
import '../crypto/aes.ts';
import '../crypto/rsa_keys.ts';
import '../crypto/elliptic.ts';
import '../crypto/edwards.ts';
import { hmac } from '@toolchain/@noble/hashes/hmac.js';
import { hkdf } from '@toolchain/@noble/hashes/hkdf.js';
import { md5, ripemd160, sha1 } from '@toolchain/@noble/hashes/legacy.js';
import { pbkdf2 as derivePbkdf2 } from '@toolchain/@noble/hashes/pbkdf2.js';
import { scrypt as deriveScrypt } from '@toolchain/@noble/hashes/scrypt.js';
import { sha224, sha256, sha384, sha512, sha512_256 } from '@toolchain/@noble/hashes/sha2.js';
import { sha3_256, sha3_384, sha3_512 } from '@toolchain/@noble/hashes/sha3.js';
import { crypto as webcrypto } from '../crypto/crypto.ts';
import { randomBytes as hostBytes } from '../../runtime/random.ts';
import { Buffer } from './buffer.ts';
import { createCipheriv, createDecipheriv, getCiphers } from './ciphers.ts';
import { KeyObject, createPrivateKey, createPublicKey, createSecretKey, secretBytes } from './keys.ts';
import { createSign, createVerify, sign, verify } from './signatures.ts';

type Input = string | ArrayBuffer | ArrayBufferView;
type Done<T> = (error: Error | null, value?: T) => void;

interface Running {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
  clone(): Running;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
const HASHES: Record<string, any> = {
  md5, ripemd160, rmd160: ripemd160, sha1, sha224, sha256, sha384, sha512, 'sha512-256': sha512_256, 'sha3-256': sha3_256, 'sha3-384': sha3_384, 'sha3-512': sha3_512,
};

export const getHashes = (): string[] => Object.keys(HASHES);

/** The hash function of that name in any of Node's spellings, such as `sha256`, `SHA-256` or `RSA-SHA256`. */
export function hashFunction(name: string): any {
  const plain = String(name).toLowerCase().replace(/^rsa-/, '').replace(/^sha-(?=\d)/, 'sha').replace('/', '-');
  const found = HASHES[plain];
  if (found === undefined) throw Object.assign(new Error(`Digest method not supported: ${name}`), { code: 'ERR_CRYPTO_INVALID_DIGEST' });
  return found;
}

export function bytesOf(input: Input, encoding?: string): Uint8Array {
  if (typeof input === 'string') return Buffer.from(input, encoding === 'buffer' ? 'utf8' : encoding);
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  throw Object.assign(new TypeError('The data must be text or bytes'), { code: 'ERR_INVALID_ARG_TYPE' });
}

const encoded = (bytes: Uint8Array, encoding?: string) => (encoding === undefined || encoding === 'buffer' ? Buffer.from(bytes) : Buffer.from(bytes).toString(encoding));

class Hash {
  #running: Running | null;

  constructor(running: Running) {
    this.#running = running;
  }

  #open(): Running {
    if (this.#running === null) throw Object.assign(new Error('Digest already called'), { code: 'ERR_CRYPTO_HASH_FINALIZED' });
    return this.#running;
  }

  update(data: Input, encoding?: string): this {
    this.#open().update(bytesOf(data, encoding));
    return this;
  }

  digest(encoding?: string) {
    const bytes = this.#open().digest();
    this.#running = null;
    return encoded(bytes, encoding);
  }

  copy(): Hash {
    return new Hash(this.#open().clone());
  }
}

class Hmac extends Hash {}

export const createHash = (name: string): Hash => new Hash(hashFunction(name).create());
export const hash = (name: string, data: Input, encoding = 'hex') => createHash(name).update(data).digest(encoding);
export const createHmac = (name: string, key: Input | KeyObject): Hmac =>
  new Hmac(hmac.create(hashFunction(name), key instanceof KeyObject ? secretBytes(key) : bytesOf(key)));

/** Runs `work` now, or after the code that is running if there is a callback. */
function perhapsLater<T>(work: () => T, done?: Done<T>): T | undefined {
  if (done === undefined) return work();
  queueMicrotask(() => {
    let value: T;
    try {
      value = work();
    } catch (error) {
      return done(error as Error);
    }
    done(null, value);
  });
  return undefined;
}

export const randomBytes = (size: number, done?: Done<Uint8Array>) => perhapsLater(() => Buffer.from(hostBytes(size)), done);
export const randomUUID = (): string => webcrypto.randomUUID();
export const getRandomValues = <T extends ArrayBufferView>(target: T): T => webcrypto.getRandomValues(target);

export function randomFillSync<T extends ArrayBufferView>(target: T, offset = 0, size = target.byteLength - offset): T {
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(hostBytes(size), offset);
  return target;
}

export function randomInt(first: number, second?: number | Done<number>, done?: Done<number>): number | undefined {
  const [min, max] = typeof second === 'number' ? [first, second] : [0, first];
  const range = max - min;
  if (!(Number.isSafeInteger(min) && Number.isSafeInteger(max) && range > 0 && range <= 2 ** 48)) throw new RangeError('The range of randomInt is not valid');
  // Values above the last whole multiple of the range would make small numbers more likely.
  const limit = 2 ** 48 - (2 ** 48 % range);
  const draw = (): number => {
    for (;;) {
      const value = hostBytes(6).reduce((sum, byte) => sum * 256 + byte, 0);
      if (value < limit) return min + (value % range);
    }
  };
  return perhapsLater(draw, typeof second === 'function' ? second : done);
}

export function timingSafeEqual(one: ArrayBufferView, other: ArrayBufferView): boolean {
  const [a, b] = [bytesOf(one), bytesOf(other)];
  if (a.length !== b.length) {
    throw Object.assign(new RangeError('Input buffers must have the same byte length'), { code: 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH' });
  }
  return a.reduce((difference, byte, at) => difference | (byte ^ (b[at] as number)), 0) === 0;
}

export const pbkdf2Sync = (password: Input, salt: Input, iterations: number, size: number, digest: string) =>
  Buffer.from(derivePbkdf2(hashFunction(digest), bytesOf(password), bytesOf(salt), { c: iterations, dkLen: size }));
export const pbkdf2 = (password: Input, salt: Input, iterations: number, size: number, digest: string, done: Done<Uint8Array>) =>
  perhapsLater(() => pbkdf2Sync(password, salt, iterations, size, digest), done);

interface ScryptOptions {
  N?: number;
  r?: number;
  p?: number;
  cost?: number;
  blockSize?: number;
  parallelization?: number;
}

export const scryptSync = (password: Input, salt: Input, size: number, options: ScryptOptions = {}) => {
  const [N, r, p] = [options.N ?? options.cost ?? 16384, options.r ?? options.blockSize ?? 8, options.p ?? options.parallelization ?? 1];
  return Buffer.from(deriveScrypt(bytesOf(password), bytesOf(salt), { N, r, p, dkLen: size }));
};
export const scrypt = (password: Input, salt: Input, size: number, options: ScryptOptions | Done<Uint8Array>, done?: Done<Uint8Array>) =>
  typeof options === 'function' ? perhapsLater(() => scryptSync(password, salt, size), options) : perhapsLater(() => scryptSync(password, salt, size, options), done);

export const hkdfSync = (digest: string, key: Input | KeyObject, salt: Input, info: Input, size: number): ArrayBuffer =>
  hkdf(hashFunction(digest), key instanceof KeyObject ? secretBytes(key) : bytesOf(key), bytesOf(salt), bytesOf(info), size).slice().buffer;

export const getCurves = (): string[] => ['prime256v1', 'secp384r1', 'secp521r1'];
export const constants = { RSA_PKCS1_PADDING: 1, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6, RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_MAX_SIGN: -2, RSA_PSS_SALTLEN_AUTO: -2 };
export const subtle = (webcrypto as unknown as { subtle: unknown }).subtle;

const module = {
  KeyObject, constants, createCipheriv, createDecipheriv, createHash, createHmac, createPrivateKey, createPublicKey, createSecretKey, createSign, createVerify,
  getCiphers, getCurves, getHashes, getRandomValues, hash, hkdfSync, pbkdf2, pbkdf2Sync, randomBytes, randomFillSync, randomInt, randomUUID, scrypt, scryptSync,
  sign, subtle, timingSafeEqual, verify, webcrypto, Hash, Hmac,
};
export { Hash, Hmac, KeyObject, createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, createSecretKey, createSign, createVerify, getCiphers, sign, verify, webcrypto };
export default module;
export { module as 'module.exports' };
