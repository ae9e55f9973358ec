// crypto.subtle of the Web Cryptography standard: checks what the standard checks of every call, and leaves the work to the algorithms.
import { decodeUtf8, encodeUtf8 } from '../../bytes.ts';
import { define } from '../define.ts';
import { crypto } from './crypto.ts';
import { HKDF, PBKDF2 } from './derive.ts';
import { hashOf } from './hashes.ts';
import { HMAC } from './hmac.ts';
import { CryptoKey, bytesOf, fail, unsupported } from './key.ts';
import type { Algorithm, Bytes, CryptoKeyPair, JsonWebKey, Parameters, Usage } from './key.ts';

const ALGORITHMS: Record<string, Algorithm> = { HMAC, PBKDF2, HKDF };

/** Adds algorithms: those that bring much code are linked only for programs that name them. */
export function register(algorithms: Record<string, Algorithm>): void {
  Object.assign(ALGORITHMS, algorithms);
}

type Identifier = string | { name: string };

function normalize(algorithm: Identifier): Parameters {
  const given = typeof algorithm === 'object' && algorithm !== null ? algorithm : { name: algorithm };
  const name = Object.keys(ALGORITHMS).find((one) => one.toLowerCase() === String(given.name).toLowerCase());
  return name === undefined ? unsupported(`The algorithm ${String(given.name)}`) : { ...given, name };
}

const implementationOf = (parameters: Parameters): Algorithm => ALGORITHMS[parameters.name] as Algorithm;

/** The operation of the key's algorithm. Throws when the key may not be used for it. */
function operation<K extends 'sign' | 'verify' | 'encrypt' | 'decrypt' | 'deriveBits' | 'wrapKey' | 'unwrapKey'>(
  name: K, algorithm: Identifier, key: CryptoKey, usage: Usage = name,
): [NonNullable<Algorithm[K]>, Parameters] {
  const parameters = normalize(algorithm);
  if (!(key instanceof CryptoKey)) throw new TypeError('The key is not a CryptoKey');
  if (key.algorithm.name !== parameters.name) fail('InvalidAccessError', `The key is for ${key.algorithm.name}, not for ${parameters.name}`);
  if (!key.usages.includes(usage)) fail('InvalidAccessError', `The key's usages do not include ${usage}`);
  const found = implementationOf(parameters)[name] ?? unsupported(`${name} with ${parameters.name}`);
  return [found as NonNullable<Algorithm[K]>, parameters];
}

/** The bits of a key that is to be derived: those of the algorithm that it is for. */
function keyLength(parameters: Parameters): number | null {
  if (parameters.name.startsWith('AES-')) return Number(parameters['length']);
  if (parameters.name === 'HMAC') return Number(parameters['length'] ?? hashOf(parameters['hash']).blockLen * 8);
  return null;
}

const bufferOf = (bytes: Bytes): ArrayBuffer => bytes.slice().buffer;

function checkUsages(key: CryptoKey, usages: Usage[]): CryptoKey {
  const allowed = (ALGORITHMS[key.algorithm.name] as Algorithm).usages[key.type] ?? [];
  const wrong = usages.find((usage) => !allowed.includes(usage));
  if (wrong !== undefined) fail('SyntaxError', `A ${key.type} key for ${key.algorithm.name} cannot ${wrong}`);
  if (usages.length === 0 && key.type !== 'public') fail('SyntaxError', `A ${key.type} key needs usages`);
  return key;
}

export class SubtleCrypto {
  async digest(algorithm: Identifier, data: unknown): Promise<ArrayBuffer> {
    return bufferOf(hashOf(algorithm)(bytesOf(data, 'The data')));
  }

  async importKey(format: string, data: unknown, algorithm: Identifier, extractable: boolean, usages: Iterable<Usage>): Promise<CryptoKey> {
    const parameters = normalize(algorithm);
    const content = format === 'jwk' ? (data as JsonWebKey) : bytesOf(data, 'The key data');
    if (typeof content !== 'object' || content === null) throw new TypeError('A JSON Web Key is an object');
    const wanted = [...new Set(usages)];
    return checkUsages(implementationOf(parameters).importKey(format, content, parameters, Boolean(extractable), wanted), wanted);
  }

  async exportKey(format: string, key: CryptoKey): Promise<ArrayBuffer | JsonWebKey> {
    if (!(key instanceof CryptoKey)) throw new TypeError('The key is not a CryptoKey');
    const { exportKey } = ALGORITHMS[key.algorithm.name] as Algorithm;
    if (exportKey === undefined) return unsupported(`Exporting keys for ${key.algorithm.name}`);
    if (!key.extractable) return fail('InvalidAccessError', 'The key is not extractable');
    const made = exportKey(format, key);
    return made instanceof Uint8Array ? bufferOf(made) : made;
  }

  async generateKey(algorithm: Identifier, extractable: boolean, usages: Iterable<Usage>): Promise<CryptoKey | CryptoKeyPair> {
    const parameters = normalize(algorithm);
    const { generateKey, usages: allowed } = implementationOf(parameters);
    if (generateKey === undefined) return unsupported(`Generating keys for ${parameters.name}`);
    const wanted = [...new Set(usages)];
    const wrong = wanted.find((usage) => !Object.values(allowed).flat().includes(usage));
    if (wrong !== undefined || wanted.length === 0) fail('SyntaxError', wrong === undefined ? 'A key needs usages' : `A key for ${parameters.name} cannot ${wrong}`);
    return generateKey(parameters, Boolean(extractable), wanted);
  }

  async sign(algorithm: Identifier, key: CryptoKey, data: unknown): Promise<ArrayBuffer> {
    const [sign, parameters] = operation('sign', algorithm, key);
    return bufferOf(sign(parameters, key, bytesOf(data, 'The data')));
  }

  async verify(algorithm: Identifier, key: CryptoKey, signature: unknown, data: unknown): Promise<boolean> {
    const [verify, parameters] = operation('verify', algorithm, key);
    return verify(parameters, key, bytesOf(signature, 'The signature'), bytesOf(data, 'The data'));
  }

  async encrypt(algorithm: Identifier, key: CryptoKey, data: unknown): Promise<ArrayBuffer> {
    const [encrypt, parameters] = operation('encrypt', algorithm, key);
    return bufferOf(encrypt(parameters, key, bytesOf(data, 'The data')));
  }

  async decrypt(algorithm: Identifier, key: CryptoKey, data: unknown): Promise<ArrayBuffer> {
    const [decrypt, parameters] = operation('decrypt', algorithm, key);
    return bufferOf(decrypt(parameters, key, bytesOf(data, 'The data')));
  }

  async deriveBits(algorithm: Identifier, key: CryptoKey, length: number | null = null): Promise<ArrayBuffer> {
    const [deriveBits, parameters] = operation('deriveBits', algorithm, key);
    return bufferOf(deriveBits(parameters, key, length));
  }

  async deriveKey(algorithm: Identifier, key: CryptoKey, derived: Identifier, extractable: boolean, usages: Iterable<Usage>): Promise<CryptoKey> {
    const [deriveBits, parameters] = operation('deriveBits', algorithm, key, 'deriveKey');
    const bits = deriveBits(parameters, key, keyLength(normalize(derived)));
    return this.importKey('raw', bits, derived, extractable, usages);
  }

  async wrapKey(format: string, key: CryptoKey, wrapping: CryptoKey, algorithm: Identifier): Promise<ArrayBuffer> {
    const [wrap, parameters] = operation('wrapKey', algorithm, wrapping);
    const exported = await this.exportKey(format, key);
    return bufferOf(wrap(parameters, wrapping, exported instanceof ArrayBuffer ? new Uint8Array(exported) : encodeUtf8(JSON.stringify(exported))));
  }

  async unwrapKey(
    format: string, wrapped: unknown, unwrapping: CryptoKey, algorithm: Identifier, of: Identifier, extractable: boolean, usages: Iterable<Usage>,
  ): Promise<CryptoKey> {
    const [unwrap, parameters] = operation('unwrapKey', algorithm, unwrapping);
    const bytes = unwrap(parameters, unwrapping, bytesOf(wrapped, 'The wrapped key'));
    return this.importKey(format, format === 'jwk' ? JSON.parse(decodeUtf8(bytes)) : bytes, of, extractable, usages);
  }

  get [Symbol.toStringTag](): string {
    return 'SubtleCrypto';
  }
}

Object.defineProperty(crypto, 'subtle', { value: new SubtleCrypto(), enumerable: true });
define({ SubtleCrypto });
