// Ed25519 and X25519 of "Secure Curves in the Web Cryptography API", from the package @noble/curves.
import { ed25519, x25519 } from '@toolchain/@noble/curves/ed25519.js';
import { OCTETS, expect, readAll, readPkcs8, readSpki, write, writePkcs8, writeSpki } from './der.ts';
import type { Identifier } from './der.ts';
import { CryptoKey, checkJwk, cut, decode, encode, fail, isJwk, materialOf, unsupported } from './key.ts';
import type { Algorithm, Bytes, CryptoKeyPair, JsonWebKey, Usage } from './key.ts';
import { register } from './subtle.ts';

interface Material {
  point: Bytes;
  secret: Bytes | null;
}

interface Curve {
  getPublicKey(secret: Bytes): Bytes;
  utils: { randomSecretKey(): Bytes };
}

const sized = (bytes: Bytes): Bytes => (bytes.length === 32 ? bytes : fail('DataError', `The key has 32 bytes, not ${bytes.length}`));

function okp(name: string, id: string, curve: Curve, usages: Algorithm['usages'], operations: Pick<Algorithm, 'sign' | 'verify' | 'deriveBits'>): Algorithm {
  const identifier: Identifier = { oid: id, parameters: null };
  const fromSecret = (secret: Bytes): Material => ({ secret: sized(secret), point: curve.getPublicKey(sized(secret)) });
  const make = (key: Material, extractable: boolean, allowed: Usage[]): CryptoKey =>
    new CryptoKey(key.secret === null ? 'public' : 'private', extractable, { name }, allowed, key);

  const fromJwk = (jwk: JsonWebKey): Material => {
    if (jwk.crv !== name) fail('DataError', `The key is of the curve ${String(jwk.crv)}, not of ${name}`);
    return jwk['d'] === undefined ? { point: sized(decode(jwk['x'], 'x')), secret: null } : fromSecret(decode(jwk['d'], 'd'));
  };
  const imported = (format: string, data: Bytes): Material => {
    if (format === 'raw') return { point: sized(data), secret: null };
    if (format === 'spki') return { point: sized(readSpki(data, identifier)), secret: null };
    if (format !== 'pkcs8') return unsupported(`The format ${format} for ${name}`);
    return fromSecret(expect(readAll(readPkcs8(data, identifier))[0], OCTETS));
  };
  const exported = (format: string, { point, secret }: Material): Bytes => {
    if (format === 'raw' && secret === null) return point.slice();
    if (format === 'spki' && secret === null) return writeSpki(point, identifier);
    if (format !== 'pkcs8' || secret === null) return fail('InvalidAccessError', `This key has no form ${format}`);
    return writePkcs8(write(OCTETS, secret), identifier);
  };

  return {
    usages,
    importKey(format, data, _parameters, extractable, allowed) {
      if (!isJwk(data)) return make(imported(format, data), extractable, allowed);
      checkJwk(data, 'OKP', extractable, allowed);
      return make(fromJwk(data), extractable, allowed);
    },
    exportKey(format, key) {
      const own = materialOf<Material>(key);
      if (format !== 'jwk') return exported(format, own);
      const secret = own.secret === null ? {} : { d: encode(own.secret) };
      return { kty: 'OKP', crv: name, ...(name === 'Ed25519' ? { alg: name } : {}), x: encode(own.point), ...secret, ext: key.extractable, key_ops: [...key.usages] };
    },
    generateKey(_parameters, extractable, allowed): CryptoKeyPair {
      const pair = fromSecret(curve.utils.randomSecretKey());
      const only = (kind: 'public' | 'private'): Usage[] => allowed.filter((usage) => usages[kind]?.includes(usage));
      return { publicKey: make({ ...pair, secret: null }, true, only('public')), privateKey: make(pair, extractable, only('private')) };
    },
    ...operations,
  };
}

const Ed25519 = okp('Ed25519', '1.3.101.112', ed25519, { public: ['verify'], private: ['sign'] }, {
  sign: (_, key, data) => ed25519.sign(data, materialOf<Material>(key).secret),
  verify(_, key, signature, data) {
    try {
      return ed25519.verify(signature, data, materialOf<Material>(key).point, { zip215: false });
    } catch {
      return false;
    }
  },
});

const X25519 = okp('X25519', '1.3.101.110', x25519, { public: [], private: ['deriveKey', 'deriveBits'] }, {
  deriveBits(parameters, key, length) {
    const other = parameters['public'];
    if (!(other instanceof CryptoKey) || other.algorithm.name !== 'X25519' || other.type !== 'public') {
      return fail('InvalidAccessError', 'X25519 needs a public key of the same curve');
    }
    try {
      return cut(x25519.getSharedSecret(materialOf<Material>(key).secret, materialOf<Material>(other).point), length);
    } catch {
      return fail('OperationError', 'The public key is of a low order');
    }
  },
});

register({ Ed25519, X25519 });
