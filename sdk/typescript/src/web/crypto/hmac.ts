// HMAC of the Web Cryptography standard, from the package @noble/hashes.
import { hmac } from '@toolchain/@noble/hashes/hmac.js';
import { randomBytes } from '../../runtime/random.ts';
import { hashName, hashOf } from './hashes.ts';
import { CryptoKey, fail, materialOf } from './key.ts';
import type { Algorithm, Bytes, Usage } from './key.ts';
import { exportSecret, secretFrom } from './secret.ts';

const jwaOf = (hash: string): string => `HS${hash.slice('SHA-'.length)}`;

function same(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  // Every byte is looked at, whatever came before: the time says nothing about the signature.
  return one.reduce((difference, byte, at) => difference | (byte ^ (other[at] as number)), 0) === 0;
}

function hmacKey(bytes: Bytes, hash: string, extractable: boolean, usages: Usage[]): CryptoKey {
  if (bytes.length === 0) fail('DataError', 'An HMAC key cannot be empty');
  return new CryptoKey('secret', extractable, { name: 'HMAC', length: bytes.length * 8, hash: { name: hash } }, usages, bytes);
}

export const HMAC: Algorithm = {
  usages: { secret: ['sign', 'verify'] },
  importKey(format, data, parameters, extractable, usages) {
    const hash = hashName(parameters['hash']);
    return hmacKey(secretFrom(format, data, jwaOf(hash), extractable, usages), hash, extractable, usages);
  },
  exportKey: (format, key) => exportSecret(format, key, jwaOf(key.algorithm.hash?.name as string)),
  generateKey(parameters, extractable, usages) {
    const hash = hashName(parameters['hash']);
    const bits = Number(parameters['length'] ?? hashOf(hash).blockLen * 8);
    return hmacKey(randomBytes(Math.ceil(bits / 8)), hash, extractable, usages);
  },
  sign: (_, key, data) => hmac(hashOf(key.algorithm.hash), materialOf<Bytes>(key), data),
  verify: (_, key, signature, data) => same(hmac(hashOf(key.algorithm.hash), materialOf<Bytes>(key), data), signature),
};
