// RSA of RFC 8017 with BigInt: signatures of RSASSA-PKCS1-v1_5 and RSA-PSS, encryption of RSA-OAEP.
import { randomBytes } from '../../runtime/random.ts';
import type { Hash } from './hashes.ts';
import { fail } from './key.ts';
import type { Bytes } from './key.ts';

export interface RsaKey {
  n: bigint;
  e: bigint;
  /** Only in private keys: the exponent, the primes, and the values that make the Chinese remainder theorem fast. */
  secret: { d: bigint; p: bigint; q: bigint; dp: bigint; dq: bigint; qi: bigint } | null;
}

export function toBigInt(bytes: Uint8Array): bigint {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex === '' ? 0n : BigInt(`0x${hex}`);
}

export function toBytes(value: bigint, size?: number): Bytes {
  const digits = value.toString(16);
  const hex = digits.padStart((size ?? Math.ceil(digits.length / 2)) * 2, '0');
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const bitLength = (value: bigint): number => value.toString(2).length;
export const modulusLength = (key: RsaKey): number => bitLength(key.n);
const byteLength = (key: RsaKey): number => Math.ceil(modulusLength(key) / 8);

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (const bit of exponent.toString(2).split('').reverse()) {
    if (bit === '1') result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [((value % modulus) + modulus) % modulus, modulus, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** RFC 8017, 5.1.2, with the input blinded: how long it takes does not depend on what is decrypted or signed. */
function privatePower(key: RsaKey, value: bigint): bigint {
  const { secret, n, e } = key;
  if (secret === null) return fail('InvalidAccessError', 'The key is not private');
  const blind = (toBigInt(randomBytes(byteLength(key))) % (n - 2n)) + 2n;
  const hidden = (value * power(blind, e, n)) % n;
  const m1 = power(hidden, secret.dp, secret.p);
  const m2 = power(hidden, secret.dq, secret.q);
  const h = ((((m1 - m2) * secret.qi) % secret.p) + secret.p) % secret.p;
  const result = ((m2 + secret.q * h) * inverse(blind, n)) % n;
  // A fault in the arithmetic above would reveal the primes.
  if (power(result, e, n) !== value) fail('OperationError', 'The private key is not consistent');
  return result;
}

const DIGEST_INFO: Record<string, string> = {
  'SHA-1': '3021300906052b0e03021a05000414',
  'SHA-256': '3031300d060960864801650304020105000420',
  'SHA-384': '3041300d060960864801650304020205000430',
  'SHA-512': '3051300d060960864801650304020305000440',
};

function concat(...parts: (Uint8Array | number[])[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => {
    bytes.set(part, at);
    return at + part.length;
  }, 0);
  return bytes;
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.reduce((difference, byte, at) => difference | (byte ^ (other[at] as number)), 0) === 0;
}

/** RFC 8017, 9.2 (EMSA-PKCS1-v1_5). */
function pkcs1(name: string, hash: Hash, data: Bytes, size: number): Bytes {
  const info = concat(toBytes(BigInt(`0x${DIGEST_INFO[name]}`)), hash(data));
  if (size < info.length + 11) fail('OperationError', 'The key is too short for this hash');
  return concat([0, 1], new Uint8Array(size - info.length - 3).fill(0xff), [0], info);
}

export const signPkcs1 = (key: RsaKey, name: string, hash: Hash, data: Bytes): Bytes =>
  toBytes(privatePower(key, toBigInt(pkcs1(name, hash, data, byteLength(key)))), byteLength(key));

/** The message that `signature` was made of; null when it is out of range. */
function opened(key: RsaKey, signature: Bytes, size: number): Bytes | null {
  const value = toBigInt(signature);
  return signature.length === byteLength(key) && value < key.n ? toBytes(power(value, key.e, key.n), size) : null;
}

export function verifyPkcs1(key: RsaKey, name: string, hash: Hash, signature: Bytes, data: Bytes): boolean {
  const found = opened(key, signature, byteLength(key));
  return found !== null && equal(found, pkcs1(name, hash, data, byteLength(key)));
}

/** RFC 8017, B.2.1. */
function mgf1(hash: Hash, seed: Uint8Array, length: number): Bytes {
  const blocks: Bytes[] = [];
  for (let counter = 0; counter * hash.outputLen < length; counter++) blocks.push(hash(concat(seed, toBytes(BigInt(counter), 4))));
  return concat(...blocks).slice(0, length);
}

const xor = (one: Uint8Array, other: Uint8Array): Bytes => Uint8Array.from(one, (byte, at) => byte ^ (other[at] as number));

/** RFC 8017, 9.1.1 (EMSA-PSS). */
export function signPss(key: RsaKey, hash: Hash, saltLength: number, data: Bytes): Bytes {
  const emBits = modulusLength(key) - 1;
  const size = Math.ceil(emBits / 8);
  if (size < hash.outputLen + saltLength + 2) fail('OperationError', 'The key is too short for this hash and salt');
  const salt = saltLength === 0 ? new Uint8Array(0) : randomBytes(saltLength);
  const h = hash(concat(new Uint8Array(8), hash(data), salt));
  const block = concat(new Uint8Array(size - saltLength - hash.outputLen - 2), [1], salt);
  const masked = xor(block, mgf1(hash, h, block.length));
  masked[0] = (masked[0] as number) & (0xff >> (8 * size - emBits));
  return toBytes(privatePower(key, toBigInt(concat(masked, h, [0xbc]))), byteLength(key));
}

/** RFC 8017, 9.1.2. */
export function verifyPss(key: RsaKey, hash: Hash, saltLength: number, signature: Bytes, data: Bytes): boolean {
  const emBits = modulusLength(key) - 1;
  const size = Math.ceil(emBits / 8);
  const em = opened(key, signature, size);
  if (em === null || em.length !== size || size < hash.outputLen + saltLength + 2 || em[size - 1] !== 0xbc) return false;
  const masked = em.slice(0, size - hash.outputLen - 1);
  const h = em.slice(size - hash.outputLen - 1, size - 1);
  const unused = 8 * size - emBits;
  if ((masked[0] as number) >> (8 - unused) !== 0 && unused > 0) return false;
  const block = xor(masked, mgf1(hash, h, masked.length));
  block[0] = (block[0] as number) & (0xff >> unused);
  const padding = size - hash.outputLen - saltLength - 2;
  if (block.subarray(0, padding).some((byte) => byte !== 0) || block[padding] !== 1) return false;
  return equal(h, hash(concat(new Uint8Array(8), hash(data), block.slice(padding + 1))));
}

/** RFC 8017, 7.1.1 (RSAES-OAEP). */
export function encryptOaep(key: RsaKey, hash: Hash, label: Bytes, data: Bytes): Bytes {
  const size = byteLength(key);
  if (data.length > size - 2 * hash.outputLen - 2) fail('OperationError', 'The data is too long for this key');
  const block = concat(hash(label), new Uint8Array(size - data.length - 2 * hash.outputLen - 2), [1], data);
  const seed = randomBytes(hash.outputLen);
  const masked = xor(block, mgf1(hash, seed, block.length));
  const maskedSeed = xor(seed, mgf1(hash, masked, hash.outputLen));
  return toBytes(power(toBigInt(concat([0], maskedSeed, masked)), key.e, key.n), size);
}

/** RFC 8017, 7.1.2: every failure is the same failure. */
export function decryptOaep(key: RsaKey, hash: Hash, label: Bytes, data: Bytes): Bytes {
  const size = byteLength(key);
  const value = toBigInt(data);
  const failed = (): never => fail('OperationError', 'The data cannot be decrypted with this key');
  if (data.length !== size || value >= key.n || size < 2 * hash.outputLen + 2) return failed();
  const em = toBytes(privatePower(key, value), size);
  const masked = em.slice(1 + hash.outputLen);
  const seed = xor(em.slice(1, 1 + hash.outputLen), mgf1(hash, masked, hash.outputLen));
  const block = xor(masked, mgf1(hash, seed, masked.length));
  const start = block.indexOf(1, hash.outputLen);
  const filled = start >= 0 && block.subarray(hash.outputLen, start).every((byte) => byte === 0);
  if (em[0] !== 0 || !equal(block.slice(0, hash.outputLen), hash(label)) || !filled) return failed();
  return block.slice(start + 1);
}
