// CryptoKey of the Web Cryptography standard, and what the implementations of algorithms have in common.
import { define } from '../define.ts';

export type Usage = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'deriveKey' | 'deriveBits' | 'wrapKey' | 'unwrapKey';
export type Bytes = Uint8Array<ArrayBuffer>;

export interface KeyAlgorithm {
  name: string;
  length?: number;
  hash?: { name: string };
  namedCurve?: string;
  modulusLength?: number;
  publicExponent?: Uint8Array;
}

/** The `algorithm` argument of a method, with its name in the standard's spelling. */
export interface Parameters {
  name: string;
  [name: string]: unknown;
}

export type KeyType = 'secret' | 'public' | 'private';

export class CryptoKey {
  readonly type: KeyType;
  readonly extractable: boolean;
  readonly algorithm: KeyAlgorithm;
  readonly usages: Usage[];
  #material: unknown;

  constructor(type: KeyType, extractable: boolean, algorithm: KeyAlgorithm, usages: Usage[], material?: unknown) {
    if (material === undefined) throw new TypeError('Illegal constructor');
    this.type = type;
    this.extractable = extractable;
    this.algorithm = algorithm;
    this.usages = usages;
    this.#material = material;
  }

  /** The key itself, for the implementations: no program can reach it through the key. */
  static materialOf<T>(key: CryptoKey): T {
    return key.#material as T;
  }

  get [Symbol.toStringTag](): string {
    return 'CryptoKey';
  }
}

const { materialOf } = CryptoKey;
Reflect.deleteProperty(CryptoKey, 'materialOf');
export { materialOf };

export interface CryptoKeyPair {
  publicKey: CryptoKey;
  privateKey: CryptoKey;
}

/** What an algorithm can do; a missing member is an operation that it does not have. */
export interface Algorithm {
  usages: { secret?: Usage[]; public?: Usage[]; private?: Usage[] };
  importKey(format: string, data: Bytes | JsonWebKey, parameters: Parameters, extractable: boolean, usages: Usage[]): CryptoKey;
  exportKey?(format: string, key: CryptoKey): Bytes | JsonWebKey;
  generateKey?(parameters: Parameters, extractable: boolean, usages: Usage[]): CryptoKey | CryptoKeyPair;
  sign?(parameters: Parameters, key: CryptoKey, data: Bytes): Bytes;
  verify?(parameters: Parameters, key: CryptoKey, signature: Bytes, data: Bytes): boolean;
  encrypt?(parameters: Parameters, key: CryptoKey, data: Bytes): Bytes;
  decrypt?(parameters: Parameters, key: CryptoKey, data: Bytes): Bytes;
  deriveBits?(parameters: Parameters, key: CryptoKey, length: number | null): Bytes;
  wrapKey?(parameters: Parameters, key: CryptoKey, data: Bytes): Bytes;
  unwrapKey?(parameters: Parameters, key: CryptoKey, data: Bytes): Bytes;
}

export interface JsonWebKey {
  kty?: string;
  alg?: string;
  crv?: string;
  ext?: boolean;
  key_ops?: string[];
  use?: string;
  [name: string]: unknown;
}

export function fail(name: string, message: string): never {
  throw new DOMException(message, name);
}

export const unsupported = (what: string): never => fail('NotSupportedError', `${what} is not supported`);

export function bytesOf(value: unknown, what: string): Bytes {
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength).slice();
  throw new TypeError(`${what} must be an ArrayBuffer or a view of one`);
}

export const encode = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

export function decode(text: unknown, what: string): Bytes {
  if (typeof text !== 'string' || !/^[A-Za-z0-9_-]*$/.test(text)) fail('DataError', `${what} of the key is not base64url`);
  return Uint8Array.from(atob((text as string).replace(/-/g, '+').replace(/_/g, '/')), (character) => character.charCodeAt(0));
}

/** Checks what every JSON Web Key says about itself against what is asked of it. */
export function checkJwk(jwk: JsonWebKey, kty: string, extractable: boolean, usages: Usage[]): void {
  if (jwk.kty !== kty) fail('DataError', `The key's kty is not ${kty}`);
  if (jwk.ext === false && extractable) fail('DataError', 'The key may not be extractable');
  if (Array.isArray(jwk.key_ops) && usages.some((usage) => !jwk.key_ops?.includes(usage))) fail('DataError', 'The key_ops of the key do not allow these usages');
}

/** The first `length` bits. */
export function cut(bytes: Bytes, length: number | null): Bytes {
  if (length === null) return bytes;
  if (length > bytes.length * 8) return fail('OperationError', 'There are not that many bits');
  const out = bytes.slice(0, Math.ceil(length / 8));
  const last = out.length - 1;
  if (length % 8 !== 0) out[last] = (out[last] as number) & (0xff << (8 - (length % 8)));
  return out;
}

export function isJwk(data: Bytes | JsonWebKey): data is JsonWebKey {
  return !(data instanceof Uint8Array);
}

define({ CryptoKey });
