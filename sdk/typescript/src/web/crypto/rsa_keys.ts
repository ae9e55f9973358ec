// RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP of the Web Cryptography standard.
import { NULL, SEQUENCE, integer, expect, INTEGER, readPkcs8, readSequence, readSpki, write, writePkcs8, writeSpki } from './der.ts';
import type { Identifier } from './der.ts';
import { hashName, hashOf } from './hashes.ts';
import { CryptoKey, bytesOf, checkJwk, decode, encode, fail, isJwk, materialOf, unsupported } from './key.ts';
import type { Algorithm, Bytes, JsonWebKey, Parameters, Usage } from './key.ts';
import { decryptOaep, encryptOaep, modulusLength, signPkcs1, signPss, toBigInt, toBytes, verifyPkcs1, verifyPss } from './rsa.ts';
import type { RsaKey } from './rsa.ts';
import { register } from './subtle.ts';

const RSA: Identifier = { oid: '1.2.840.113549.1.1.1', parameters: null };
const RSA_WRITTEN: Identifier = { ...RSA, parameters: write(NULL) };
const SECRET = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const;

/** The numbers of an RSAPrivateKey or RSAPublicKey (RFC 8017, A.1). */
const numbers = (der: Bytes): bigint[] => readSequence(der).map((node) => toBigInt(expect(node, INTEGER)));

function fromDer(format: string, data: Bytes): RsaKey {
  if (format === 'spki') {
    const [n, e] = numbers(readSpki(data, RSA)) as [bigint, bigint];
    return { n, e, secret: null };
  }
  if (format !== 'pkcs8') return unsupported(`The format ${format} for RSA keys`);
  const [, n, e, d, p, q, dp, dq, qi] = numbers(readPkcs8(data, RSA)) as [bigint, ...bigint[]];
  if (qi === undefined) return fail('DataError', 'The private key lacks some of its numbers');
  return { n, e, secret: { d, p, q, dp, dq, qi } } as RsaKey;
}

function fromJwk(jwk: JsonWebKey): RsaKey {
  const number = (name: string): bigint => toBigInt(decode(jwk[name], name));
  const [n, e] = [number('n'), number('e')];
  if (jwk['d'] === undefined) return { n, e, secret: null };
  if (jwk['oth'] !== undefined) return unsupported('An RSA key with more than two primes');
  if (SECRET.some((name) => jwk[name] === undefined)) fail('DataError', 'The private key lacks some of its numbers');
  return { n, e, secret: Object.fromEntries(SECRET.map((name) => [name, number(name)])) as RsaKey['secret'] };
}

function toDer(format: string, key: RsaKey): Bytes {
  const sequence = (values: bigint[]): Bytes => write(SEQUENCE, ...values.map((value) => integer(toBytes(value))));
  if (format === 'spki' && key.secret === null) return writeSpki(sequence([key.n, key.e]), RSA_WRITTEN);
  if (format !== 'pkcs8' || key.secret === null) return fail('InvalidAccessError', `This key has no form ${format}`);
  const { d, p, q, dp, dq, qi } = key.secret;
  return writePkcs8(sequence([0n, key.n, key.e, d, p, q, dp, dq, qi]), RSA_WRITTEN);
}

interface Operations {
  usages: Algorithm['usages'];
  jwa(hash: string): string;
  operations: Pick<Algorithm, 'sign' | 'verify' | 'encrypt' | 'decrypt' | 'wrapKey' | 'unwrapKey'>;
}

function rsa(name: string, { usages, jwa, operations }: Operations): Algorithm {
  const make = (key: RsaKey, hash: string, extractable: boolean, allowed: Usage[]): CryptoKey => {
    const algorithm = { name, modulusLength: modulusLength(key), publicExponent: toBytes(key.e), hash: { name: hash } };
    return new CryptoKey(key.secret === null ? 'public' : 'private', extractable, algorithm, allowed, key);
  };
  return {
    usages,
    importKey(format, data, parameters, extractable, allowed) {
      const hash = hashName(parameters['hash']);
      if (!isJwk(data)) return make(fromDer(format, data), hash, extractable, allowed);
      checkJwk(data, 'RSA', extractable, allowed);
      if (data.alg !== undefined && data.alg !== jwa(hash)) fail('DataError', `The key is for ${data.alg}, not for ${jwa(hash)}`);
      return make(fromJwk(data), hash, extractable, allowed);
    },
    exportKey(format, key) {
      const material = materialOf<RsaKey>(key);
      if (format !== 'jwk') return toDer(format, material);
      const own = { n: material.n, e: material.e, ...material.secret };
      const members = Object.entries(own).map(([member, value]) => [member, encode(toBytes(value))]);
      return { kty: 'RSA', alg: jwa(key.algorithm.hash?.name as string), ext: key.extractable, key_ops: [...key.usages], ...Object.fromEntries(members) };
    },
    generateKey: () => unsupported('Generating RSA keys'),
    ...operations,
  };
}

const hashIn = (key: CryptoKey) => hashOf(key.algorithm.hash);
const digits = (hash: string): string => hash.slice('SHA-'.length);
const SIGNS: Algorithm['usages'] = { public: ['verify'], private: ['sign'] };

const RSASSA_PKCS1 = rsa('RSASSA-PKCS1-v1_5', {
  usages: SIGNS,
  jwa: (hash) => `RS${digits(hash)}`,
  operations: {
    sign: (_, key, data) => signPkcs1(materialOf(key), key.algorithm.hash?.name as string, hashIn(key), data),
    verify: (_, key, signature, data) => verifyPkcs1(materialOf(key), key.algorithm.hash?.name as string, hashIn(key), signature, data),
  },
});

function saltLength(parameters: Parameters): number {
  const length = Number(parameters['saltLength']);
  return Number.isInteger(length) && length >= 0 ? length : fail('OperationError', 'RSA-PSS needs a saltLength');
}

const RSA_PSS = rsa('RSA-PSS', {
  usages: SIGNS,
  jwa: (hash) => `PS${digits(hash)}`,
  operations: {
    sign: (parameters, key, data) => signPss(materialOf(key), hashIn(key), saltLength(parameters), data),
    verify: (parameters, key, signature, data) => verifyPss(materialOf(key), hashIn(key), saltLength(parameters), signature, data),
  },
});

const labelOf = (parameters: Parameters): Bytes => (parameters['label'] == null ? new Uint8Array(0) : bytesOf(parameters['label'], 'label'));
const encrypt = (parameters: Parameters, key: CryptoKey, data: Bytes): Bytes => encryptOaep(materialOf(key), hashIn(key), labelOf(parameters), data);
const decrypt = (parameters: Parameters, key: CryptoKey, data: Bytes): Bytes => decryptOaep(materialOf(key), hashIn(key), labelOf(parameters), data);

const RSA_OAEP = rsa('RSA-OAEP', {
  usages: { public: ['encrypt', 'wrapKey'], private: ['decrypt', 'unwrapKey'] },
  jwa: (hash) => (hash === 'SHA-1' ? 'RSA-OAEP' : `RSA-OAEP-${digits(hash)}`),
  operations: { encrypt, decrypt, wrapKey: encrypt, unwrapKey: decrypt },
});

register({ 'RSASSA-PKCS1-v1_5': RSASSA_PKCS1, 'RSA-PSS': RSA_PSS, 'RSA-OAEP': RSA_OAEP });
