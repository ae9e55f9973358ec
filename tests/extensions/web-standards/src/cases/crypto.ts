import { bytes, fails, hex, unhex } from '../run.ts';
import type { Cases } from '../run.ts';

const { subtle } = globalThis.crypto;
const data = bytes('The quick brown fox jumps over the lazy dog');
const key16 = unhex('000102030405060708090a0b0c0d0e0f');
const key32 = unhex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
const iv12 = unhex('cafebabefacedbaddecaf888');

const RSA = {
  kty: 'RSA',
  n: '8Y7AUhHA1PRiHD4xfhwxFOPmoMsIlE9lDTZ0UxKzXsUz2dv7S9NYfAXYpr02_pi9OXYFpFCa9Rg60RSOpSFDMFV-BAxi0m5ULc3wNAtykvYw70zvrN_H7ldyGZAvXIvs15XZSJoiYQ9mI4wGmmymGH5EiY6cIaEBJyJ2DkJKtKE',
  e: 'AQAB',
};
const EC_PUBLIC = { kty: 'EC', crv: 'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' };
const EC_PRIVATE = { ...EC_PUBLIC, d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI' };
const ED_PRIVATE = { kty: 'OKP', crv: 'Ed25519', d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };

const aes = (name: string, raw: Uint8Array) => subtle.importKey('raw', raw as BufferSource, name, true, ['encrypt', 'decrypt']);
const hmac = (hash: string, raw = key16) => subtle.importKey('raw', raw as BufferSource, { name: 'HMAC', hash }, true, ['sign', 'verify']);
const HASHES = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];
const aesParameters = { 'AES-GCM': { iv: iv12 }, 'AES-CBC': { iv: key16 }, 'AES-CTR': { counter: key16, length: 64 } } as Record<string, object>;

/** A key pair made here, so that the other operations have one whose private part is known to be right. */
async function roundTrip(algorithm: object, usages: KeyUsage[], formats: ('jwk' | 'pkcs8' | 'spki' | 'raw')[], sign: object | null) {
  const pair = (await subtle.generateKey(algorithm as EcKeyGenParams, true, usages)) as CryptoKeyPair;
  const seen: unknown[] = [pair.privateKey.type, pair.publicKey.algorithm, pair.privateKey.usages, pair.publicKey.usages];
  for (const format of formats) {
    const key = format === 'pkcs8' ? pair.privateKey : pair.publicKey;
    const exported = await subtle.exportKey(format as 'raw', key);
    const again = await subtle.importKey(format as 'raw', exported, algorithm as EcKeyGenParams, true, key.usages);
    seen.push([format, exported instanceof ArrayBuffer ? exported.byteLength : Object.keys(exported).sort(), again.type]);
    if (sign !== null && key.type === 'public') seen.push(await subtle.verify(sign as EcdsaParams, again, await subtle.sign(sign as EcdsaParams, pair.privateKey, data as BufferSource), data as BufferSource));
  }
  return seen;
}

export const crypto: Cases = {
  'random': () => [/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(globalThis.crypto.randomUUID()), globalThis.crypto.getRandomValues(new Uint16Array(3)).length],
  'random floats': () => globalThis.crypto.getRandomValues(new Float32Array(3) as never),
  'too much randomness': () => globalThis.crypto.getRandomValues(new Uint8Array(65537)),
  'digests': () => Promise.all(HASHES.map(async (hash) => hex(await subtle.digest(hash, data as BufferSource)))),
  'digest names in any case': async () => hex(await subtle.digest({ name: 'sha-256' }, new ArrayBuffer(0))),
  'an unknown digest': () => subtle.digest('MD5', data as BufferSource),
  'hmac': () => Promise.all(HASHES.map(async (hash) => hex(await subtle.sign('HMAC', await hmac(hash), data as BufferSource)))),
  async 'hmac verified'() {
    const key = await hmac('SHA-256');
    const signature = await subtle.sign('HMAC', key, data as BufferSource);
    return [await subtle.verify('HMAC', key, signature, data as BufferSource), await subtle.verify('HMAC', key, signature.slice(1), data as BufferSource), key.algorithm, key.usages, key.type];
  },
  'hmac as jwk': async () => subtle.exportKey('jwk', await hmac('SHA-512')),
  'hmac of an empty key': () => hmac('SHA-256', new Uint8Array(0)),
  'a generated hmac key': async () => ((await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign'])) as CryptoKey).algorithm,
  ...Object.fromEntries(Object.entries(aesParameters).flatMap(([name, parameters]) => [key16, key32].map((raw) => [`${name} ${raw.length * 8}`, async () => {
    const key = await aes(name, raw);
    const encrypted = await subtle.encrypt({ name, ...parameters } as AesGcmParams, key, data as BufferSource);
    return [hex(encrypted), hex(await subtle.decrypt({ name, ...parameters } as AesGcmParams, key, encrypted)) === hex(data)];
  }]))),
  'gcm with additional data': async () => hex(await subtle.encrypt({ name: 'AES-GCM', iv: iv12 as BufferSource, additionalData: data as BufferSource, tagLength: 96 }, await aes('AES-GCM', key32), data as BufferSource)),
  'gcm of what was changed': async () => subtle.decrypt({ name: 'AES-GCM', iv: iv12 as BufferSource }, await aes('AES-GCM', key16), new Uint8Array(40)),
  'cbc of what was changed': async () => subtle.decrypt({ name: 'AES-CBC', iv: key16 as BufferSource }, await aes('AES-CBC', key16), new Uint8Array(17)),
  'an aes key of a wrong size': () => aes('AES-GCM', new Uint8Array(5)),
  'aes as jwk': async () => subtle.exportKey('jwk', await aes('AES-GCM', key32)),
  async 'wrapped keys'() {
    const wrapping = await subtle.importKey('raw', key16 as BufferSource, 'AES-KW', false, ['wrapKey', 'unwrapKey']);
    const wrapped = await subtle.wrapKey('raw', await aes('AES-CBC', key32), wrapping, 'AES-KW');
    const back = await subtle.unwrapKey('raw', wrapped, wrapping, 'AES-KW', 'AES-CBC', true, ['encrypt']);
    return [hex(wrapped), hex(await subtle.exportKey('raw', back))];
  },
  async 'pbkdf2'() {
    const key = await subtle.importKey('raw', data as BufferSource, 'PBKDF2', false, ['deriveBits', 'deriveKey']);
    const parameters = { name: 'PBKDF2', salt: key16 as BufferSource, iterations: 10, hash: 'SHA-256' };
    const derived = await subtle.deriveKey(parameters, key, { name: 'AES-GCM', length: 128 }, true, ['encrypt']);
    return [hex(await subtle.deriveBits(parameters, key, 160)), hex(await subtle.exportKey('raw', derived))];
  },
  async 'hkdf'() {
    const key = await subtle.importKey('raw', data as BufferSource, 'HKDF', false, ['deriveBits']);
    return hex(await subtle.deriveBits({ name: 'HKDF', salt: key16 as BufferSource, info: data as BufferSource, hash: 'SHA-512' }, key, 512));
  },
  'an extractable pbkdf2 key': () => subtle.importKey('raw', data as BufferSource, 'PBKDF2', true, ['deriveBits']),
  'rsa keys': async () => {
    const key = await subtle.importKey('jwk', RSA, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify']);
    const { publicExponent, ...algorithm } = key.algorithm as RsaHashedKeyAlgorithm;
    return [algorithm, hex(publicExponent), hex(await subtle.exportKey('spki', key)), await subtle.exportKey('jwk', key), await subtle.verify('RSASSA-PKCS1-v1_5', key, new Uint8Array(128), data as BufferSource)];
  },
  'pss of a wrong signature': async () => subtle.verify({ name: 'RSA-PSS', saltLength: 32 }, await subtle.importKey('jwk', RSA, { name: 'RSA-PSS', hash: 'SHA-256' }, true, ['verify']), new Uint8Array(128), data as BufferSource),
  'rsa with a wrong alg': () => subtle.importKey('jwk', { ...RSA, alg: 'RS512' }, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify']),
  'ec keys': async () => {
    const key = await subtle.importKey('jwk', EC_PRIVATE, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
    return [hex(await subtle.exportKey('pkcs8', key)), await subtle.exportKey('jwk', key)];
  },
  'ec public keys': async () => {
    const key = await subtle.importKey('jwk', EC_PUBLIC, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']);
    return [hex(await subtle.exportKey('spki', key)), hex(await subtle.exportKey('raw', key))];
  },
  'a point that is on no curve': () => subtle.importKey('jwk', { ...EC_PUBLIC, y: EC_PUBLIC.x }, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']),
  'ES256 signed and verified': async () => {
    const signing = await subtle.importKey('jwk', EC_PRIVATE, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
    const verifying = await subtle.importKey('jwk', EC_PUBLIC, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
    const signature = await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, signing, data as BufferSource);
    return [signature.byteLength, await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, verifying, signature, data as BufferSource), await subtle.verify({ name: 'ECDSA', hash: 'SHA-384' }, verifying, signature, data as BufferSource)];
  },
  'Ed25519': async () => {
    const key = await subtle.importKey('jwk', ED_PRIVATE, 'Ed25519', true, ['sign']);
    return [hex(await subtle.sign('Ed25519', key, data as BufferSource)), hex(await subtle.exportKey('pkcs8', key))];
  },
  'P-256 pairs': () => roundTrip({ name: 'ECDSA', namedCurve: 'P-256' }, ['sign', 'verify'], ['jwk', 'spki', 'raw', 'pkcs8'], { name: 'ECDSA', hash: 'SHA-256' }),
  'P-384 pairs': () => roundTrip({ name: 'ECDSA', namedCurve: 'P-384' }, ['sign', 'verify'], ['spki', 'pkcs8'], { name: 'ECDSA', hash: 'SHA-384' }),
  'Ed25519 pairs': () => roundTrip({ name: 'Ed25519' }, ['sign', 'verify'], ['jwk', 'spki', 'raw', 'pkcs8'], { name: 'Ed25519' }),
  async 'ecdh'() {
    const [one, other] = await Promise.all([0, 1].map(() => subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits']))) as [CryptoKeyPair, CryptoKeyPair];
    const bits = (mine: CryptoKey, theirs: CryptoKey) => subtle.deriveBits({ name: 'ECDH', public: theirs }, mine, 256);
    return hex(await bits(one.privateKey, other.publicKey)) === hex(await bits(other.privateKey, one.publicKey));
  },
  'a key that may not sign': async () => subtle.sign('HMAC', await subtle.importKey('raw', key16 as BufferSource, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']), data as BufferSource),
  'a key that may not leave': () => fails(async () => subtle.exportKey('raw', await subtle.importKey('raw', key16 as BufferSource, 'AES-GCM', false, ['encrypt']))),
  'usages that no key has': () => subtle.importKey('raw', key16 as BufferSource, 'AES-GCM', false, ['sign']),
  'a key without usages': () => subtle.importKey('raw', key16 as BufferSource, 'AES-GCM', false, []),
  'the wrong algorithm': async () => subtle.encrypt({ name: 'AES-CBC', iv: key16 as BufferSource } as AesCbcParams, await aes('AES-GCM', key16), data as BufferSource),
  'an unknown algorithm': () => subtle.importKey('raw', key16 as BufferSource, 'ROT13', false, ['encrypt']),
  'tags': async () => [Object.prototype.toString.call(await hmac('SHA-1')), Object.prototype.toString.call(subtle), (await hmac('SHA-1')) instanceof CryptoKey],
};
