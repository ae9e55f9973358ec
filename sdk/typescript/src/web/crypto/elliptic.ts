// ECDSA and ECDH over P-256, P-384 and P-521 of the Web Cryptography standard, from the package @noble/curves.
import { p256, p384, p521 } from '@toolchain/@noble/curves/nist.js';
import { BITS, OCTETS, SEQUENCE, expect, integer, oid, readPkcs8, readSequence, readSpki, write, writePkcs8, writeSpki } from './der.ts';
import type { Identifier } from './der.ts';
import { hashOf } from './hashes.ts';
import { CryptoKey, checkJwk, cut, decode, encode, fail, isJwk, materialOf, unsupported } from './key.ts';
import type { Algorithm, Bytes, CryptoKeyPair, JsonWebKey, Usage } from './key.ts';
import { register } from './subtle.ts';

interface Curve {
  size: number;
  jwa: string;
  identifier: Identifier;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  noble: any;
}

const curve = (size: number, jwa: string, id: string, noble: unknown): Curve => ({
  size,
  jwa,
  identifier: { oid: '1.2.840.10045.2.1', parameters: oid(id) },
  noble,
});

const CURVES: Record<string, Curve> = {
  'P-256': curve(32, 'ES256', '1.2.840.10045.3.1.7', p256),
  'P-384': curve(48, 'ES384', '1.3.132.0.34', p384),
  'P-521': curve(66, 'ES512', '1.3.132.0.35', p521),
};

/** `point` is uncompressed; `secret` is null in public keys. */
interface Material {
  point: Bytes;
  secret: Bytes | null;
}

const curveOf = (name: unknown): Curve => CURVES[String(name)] ?? unsupported(`The curve ${String(name)}`);

function material(of: Curve, point: Bytes | null, secret: Bytes | null): Material {
  try {
    const derived = secret === null ? null : (of.noble.getPublicKey(secret, false) as Bytes);
    const given = point === null ? null : (of.noble.Point.fromBytes(point).toBytes(false) as Bytes);
    if (derived !== null && given !== null && derived.some((byte, at) => byte !== given[at])) throw new Error('two different keys');
    return { point: (derived ?? given) as Bytes, secret };
  } catch {
    return fail('DataError', 'The key is not a point of its curve');
  }
}

const join = (...parts: Uint8Array[]): Bytes => Uint8Array.from(parts.flatMap((part) => [...part]));

function fromJwk(of: Curve, jwk: JsonWebKey): Material {
  const point = join(Uint8Array.of(4), decode(jwk['x'], 'x'), decode(jwk['y'], 'y'));
  return material(of, point, jwk['d'] === undefined ? null : decode(jwk['d'], 'd'));
}

function imported(of: Curve, format: string, data: Bytes): Material {
  if (format === 'raw') return material(of, data, null);
  if (format === 'spki') return material(of, readSpki(data, of.identifier), null);
  if (format !== 'pkcs8') return unsupported(`The format ${format} for this key`);
  // An ECPrivateKey (RFC 5915): version, key, and perhaps parameters and the public key.
  const [, secret] = readSequence(readPkcs8(data, of.identifier));
  return material(of, null, expect(secret, OCTETS));
}

function exported(of: Curve, format: string, { point, secret }: Material): Bytes {
  if (format === 'raw' && secret === null) return point.slice();
  if (format === 'spki' && secret === null) return writeSpki(point, of.identifier);
  if (format !== 'pkcs8' || secret === null) return fail('InvalidAccessError', `This key has no form ${format}`);
  const own = write(0xa1, write(BITS, Uint8Array.of(0), point));
  return writePkcs8(write(SEQUENCE, integer(Uint8Array.of(1)), write(OCTETS, secret), own), of.identifier);
}

function elliptic(name: string, usages: Algorithm['usages'], operations: Pick<Algorithm, 'sign' | 'verify' | 'deriveBits'>): Algorithm {
  const make = (namedCurve: string, key: Material, extractable: boolean, allowed: Usage[]): CryptoKey =>
    new CryptoKey(key.secret === null ? 'public' : 'private', extractable, { name, namedCurve }, allowed, key);
  return {
    usages,
    importKey(format, data, parameters, extractable, allowed) {
      const namedCurve = String(parameters['namedCurve']);
      const of = curveOf(namedCurve);
      if (!isJwk(data)) return make(namedCurve, imported(of, format, data), extractable, allowed);
      checkJwk(data, 'EC', extractable, allowed);
      if (data.crv !== namedCurve) fail('DataError', `The key is of the curve ${String(data.crv)}, not of ${namedCurve}`);
      return make(namedCurve, fromJwk(of, data), extractable, allowed);
    },
    exportKey(format, key) {
      const of = curveOf(key.algorithm.namedCurve);
      const own = materialOf<Material>(key);
      if (format !== 'jwk') return exported(of, format, own);
      const members = { x: own.point.slice(1, 1 + of.size), y: own.point.slice(1 + of.size), ...(own.secret === null ? {} : { d: own.secret }) };
      const encoded = Object.fromEntries(Object.entries(members).map(([member, bytes]) => [member, encode(bytes)]));
      return { kty: 'EC', crv: key.algorithm.namedCurve as string, ext: key.extractable, key_ops: [...key.usages], ...encoded };
    },
    generateKey(parameters, extractable, allowed): CryptoKeyPair {
      const namedCurve = String(parameters['namedCurve']);
      const of = curveOf(namedCurve);
      const pair = material(of, null, of.noble.utils.randomSecretKey() as Bytes);
      const only = (kind: 'public' | 'private'): Usage[] => allowed.filter((usage) => usages[kind]?.includes(usage));
      return {
        publicKey: make(namedCurve, { ...pair, secret: null }, true, only('public')),
        privateKey: make(namedCurve, pair, extractable, only('private')),
      };
    },
    ...operations,
  };
}

const ECDSA = elliptic('ECDSA', { public: ['verify'], private: ['sign'] }, {
  sign: (parameters, key, data) =>
    curveOf(key.algorithm.namedCurve).noble.sign(hashOf(parameters['hash'])(data), materialOf<Material>(key).secret, { prehash: false, lowS: false }) as Bytes,
  verify(parameters, key, signature, data) {
    const of = curveOf(key.algorithm.namedCurve);
    if (signature.length !== 2 * of.size) return false;
    return of.noble.verify(signature, hashOf(parameters['hash'])(data), materialOf<Material>(key).point, { prehash: false, lowS: false }) as boolean;
  },
});

const ECDH = elliptic('ECDH', { public: [], private: ['deriveKey', 'deriveBits'] }, {
  deriveBits(parameters, key, length) {
    const other = parameters['public'];
    if (!(other instanceof CryptoKey) || other.type !== 'public' || other.algorithm.namedCurve !== key.algorithm.namedCurve) {
      return fail('InvalidAccessError', 'ECDH needs a public key of the same curve');
    }
    const of = curveOf(key.algorithm.namedCurve);
    const shared = of.noble.getSharedSecret(materialOf<Material>(key).secret, materialOf<Material>(other).point) as Bytes;
    return cut(shared.slice(1), length);
  },
});

register({ ECDSA, ECDH });
