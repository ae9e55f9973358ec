// Keys of the module `crypto`: KeyObject, and keys in PEM, DER and JSON form.
import { BITS, INTEGER, OCTETS, OID, SEQUENCE, expect, oid, readAll, readSequence, write, writePkcs8, writeSpki, NULL } from '../crypto/der.ts';
import type { Bytes, JsonWebKey } from '../crypto/key.ts';
import { Buffer } from './buffer.ts';

type Kind = 'secret' | 'public' | 'private';

export class KeyObject {
  readonly type: Kind;
  readonly #der: Bytes;

  /** `der` is a SubjectPublicKeyInfo, a PrivateKeyInfo, or the bytes of a secret. */
  constructor(type: Kind, der: Bytes) {
    this.type = type;
    this.#der = der;
  }

  get symmetricKeySize(): number | undefined {
    return this.type === 'secret' ? this.#der.length : undefined;
  }

  get asymmetricKeyType(): string | undefined {
    return this.type === 'secret' ? undefined : kindOf(this).type;
  }

  get asymmetricKeyDetails(): { namedCurve?: string; modulusLength?: number; publicExponent?: bigint } | undefined {
    if (this.type === 'secret') return undefined;
    const kind = kindOf(this);
    if (kind.type === 'ec') return { namedCurve: NODE_CURVES[kind.curve as string] as string };
    return kind.type === 'rsa' ? { modulusLength: modulusOf(this), publicExponent: 65537n } : {};
  }

  export(options: { format?: string; type?: string } = {}): Uint8Array | string | JsonWebKey {
    if (this.type === 'secret') return options.format === 'jwk' ? { kty: 'oct', k: Buffer.from(this.#der).toString('base64url') } : Buffer.from(this.#der);
    if (options.format === 'der') return Buffer.from(this.#der);
    if (options.format !== 'pem') throw new Error(`Exporting a key as ${String(options.format)} is not supported: use "pem" or "der"`);
    const label = this.type === 'public' ? 'PUBLIC KEY' : 'PRIVATE KEY';
    const lines = Buffer.from(this.#der).toString('base64').match(/.{1,64}/g) as string[];
    return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
  }

  equals(other: KeyObject): boolean {
    return this.type === other.type && Buffer.compare(this.#der, derOf(other)) === 0;
  }

  static derOf(key: KeyObject): Bytes {
    return key.#der;
  }
}

const { derOf } = KeyObject;
Reflect.deleteProperty(KeyObject, 'derOf');
export { derOf };

export const secretBytes = (key: KeyObject): Bytes => derOf(key);
const NODE_CURVES: Record<string, string> = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };
const CURVE_IDS: Record<string, string> = { 'P-256': '1.2.840.10045.3.1.7', 'P-384': '1.3.132.0.34', 'P-521': '1.3.132.0.35' };
const RSA_ID = { oid: '1.2.840.113549.1.1.1', parameters: write(NULL) };
const EC_ID = '1.2.840.10045.2.1';

export interface KeyKind {
  type: 'rsa' | 'ec' | 'ed25519' | 'x25519';
  curve?: string;
}

const same = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** What the algorithm identifier of the key says. Throws when it is of a kind that nothing here can use. */
export function kindOf(key: KeyObject): KeyKind {
  const parts = readSequence(derOf(key));
  const [id, parameters] = readAll(expect(key.type === 'public' ? parts[0] : parts[1], SEQUENCE));
  const given = write(OID, expect(id, OID));
  if (same(given, oid(RSA_ID.oid)) || same(given, oid('1.2.840.113549.1.1.10'))) return { type: 'rsa' };
  if (same(given, oid('1.3.101.112'))) return { type: 'ed25519' };
  if (same(given, oid('1.3.101.110'))) return { type: 'x25519' };
  const named = parameters === undefined ? new Uint8Array(0) : write(parameters.tag, parameters.content);
  const curve = Object.keys(CURVE_IDS).find((name) => same(named, oid(CURVE_IDS[name] as string)));
  if (!same(given, oid(EC_ID)) || curve === undefined) throw new Error('The key is of a kind that is not supported');
  return { type: 'ec', curve };
}

function modulusOf(key: KeyObject): number {
  const parts = readSequence(derOf(key));
  const inner = key.type === 'public' ? readSequence(expect(parts[1], BITS).slice(1) as Bytes)[0] : readSequence(expect(parts[2], OCTETS))[1];
  const bytes = expect(inner, INTEGER);
  return (bytes[0] === 0 ? bytes.length - 1 : bytes.length) * 8;
}

/** Keys in the older forms that name their algorithm in the PEM label, as the forms that carry an identifier. */
function fromPem(text: string): KeyObject {
  const match = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]+?)-----END \1-----/.exec(text);
  if (match === null) throw Object.assign(new Error('The key is not in PEM form'), { code: 'ERR_OSSL_UNSUPPORTED' });
  const label = match[1] as string;
  if (/ENCRYPTED/.test(text)) throw new Error('Encrypted keys are not supported: decrypt the key first');
  const der = Uint8Array.from(Buffer.from((match[2] as string).replace(/\s/g, ''), 'base64') as Uint8Array);
  if (label === 'PUBLIC KEY') return new KeyObject('public', der);
  if (label === 'PRIVATE KEY') return new KeyObject('private', der);
  if (label === 'RSA PUBLIC KEY') return new KeyObject('public', writeSpki(der, RSA_ID));
  if (label === 'RSA PRIVATE KEY') return new KeyObject('private', writePkcs8(der, RSA_ID));
  if (label === 'EC PRIVATE KEY') {
    const parameters = readSequence(der).find((node) => node.tag === 0xa0);
    if (parameters === undefined) throw new Error('The key does not say its curve');
    return new KeyObject('private', writePkcs8(der, { oid: EC_ID, parameters: parameters.content }));
  }
  if (label === 'CERTIFICATE') return new KeyObject('public', publicKeyIn(der));
  throw new Error(`Keys with the label ${label} are not supported`);
}

/** The SubjectPublicKeyInfo of a certificate (RFC 5280): the element after the subject. */
function publicKeyIn(certificate: Bytes): Bytes {
  const body = readAll(expect(readSequence(certificate)[0], SEQUENCE));
  const key = body[body[0]?.tag === 0xa0 ? 6 : 5];
  return write(SEQUENCE, expect(key, SEQUENCE));
}

type Material = string | ArrayBufferView | KeyObject | { key: string | ArrayBufferView | KeyObject; format?: string; type?: string };

function read(input: Material, type: 'public' | 'private'): KeyObject {
  if (input instanceof KeyObject) return input;
  if (typeof input === 'object' && 'key' in input) {
    if (input.key instanceof KeyObject) return input.key;
    if (input.format === 'der') return new KeyObject(type, Uint8Array.from(Buffer.from(input.key as Uint8Array) as Uint8Array));
    if (input.format === 'jwk') throw new Error('JSON Web Keys are not supported here: use crypto.subtle.importKey');
    return read(input.key, type);
  }
  return fromPem(typeof input === 'string' ? input : Buffer.from(input as Uint8Array).toString());
}

export function createPrivateKey(input: Material): KeyObject {
  const key = read(input, 'private');
  if (key.type !== 'private') throw Object.assign(new TypeError('The key is not private'), { code: 'ERR_INVALID_ARG_VALUE' });
  kindOf(key);
  return key;
}

/** A public key; of a private one, itself, because what verifies with it needs only its public part. */
export function createPublicKey(input: Material): KeyObject {
  const key = read(input, 'public');
  if (key.type === 'secret') throw Object.assign(new TypeError('The key is not public'), { code: 'ERR_INVALID_ARG_VALUE' });
  kindOf(key);
  return key;
}

export const createSecretKey = (input: string | ArrayBufferView, encoding?: string): KeyObject =>
  new KeyObject('secret', Uint8Array.from(Buffer.from(input as string, encoding) as Uint8Array));
