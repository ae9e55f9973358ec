// Signatures of the module `crypto`. The work is that of crypto.subtle's algorithms, without their promises.
import { p256, p384, p521 } from '@toolchain/@noble/curves/nist.js';
import { ed25519 } from '@toolchain/@noble/curves/ed25519.js';
import { INTEGER, OCTETS, SEQUENCE, bits, expect, integer, readAll, readSequence, write } from '../crypto/der.ts';
import type { Bytes } from '../crypto/key.ts';
import { hashOf } from '../crypto/hashes.ts';
import { signPkcs1, signPss, toBigInt, verifyPkcs1, verifyPss } from '../crypto/rsa.ts';
import type { RsaKey } from '../crypto/rsa.ts';
import { Buffer } from './buffer.ts';
import { createPrivateKey, createPublicKey, derOf, kindOf } from './keys.ts';
import type { KeyObject } from './keys.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
const CURVES: Record<string, any> = { 'P-256': p256, 'P-384': p384, 'P-521': p521 };
const PSS_PADDING = 6;

interface Options {
  padding?: number;
  saltLength?: number;
  dsaEncoding?: string;
}

type KeyInput = Parameters<typeof createPrivateKey>[0];
const optionsOf = (key: unknown): Options => (typeof key === 'object' && key !== null && 'key' in key ? (key as Options) : {});

/** `sha256`, `SHA256`, `RSA-SHA256` and `SHA-256` as the standard name of the hash. */
function hashName(name: string): string {
  const match = /^(?:rsa-)?sha-?(1|256|384|512)$/i.exec(String(name));
  if (match === null) throw new Error(`Signing with the digest ${name} is not supported`);
  return `SHA-${match[1]}`;
}

function rsaKey(key: KeyObject): RsaKey {
  const parts = readSequence(derOf(key));
  const der = key.type === 'public' ? bits(parts[1]) : expect(parts[2], OCTETS);
  const numbers = readSequence(der).map((node) => toBigInt(expect(node, INTEGER)));
  if (key.type === 'public') return { n: numbers[0] as bigint, e: numbers[1] as bigint, secret: null };
  const [, n, e, d, p, q, dp, dq, qi] = numbers as [bigint, ...bigint[]];
  return { n, e, secret: { d, p, q, dp, dq, qi } } as RsaKey;
}

const ecSecret = (key: KeyObject): Bytes => expect(readSequence(expect(readSequence(derOf(key))[2], OCTETS))[1], OCTETS);
const edSecret = (key: KeyObject): Bytes => expect(readAll(expect(readSequence(derOf(key))[2], OCTETS))[0], OCTETS);
const publicPart = (key: KeyObject): Bytes => bits(readSequence(derOf(key))[1]);

/** The DER form of an ECDSA signature (RFC 3279) from its two numbers side by side, and back. */
function toDer(signature: Bytes): Bytes {
  const half = signature.length / 2;
  return write(SEQUENCE, integer(signature.subarray(0, half)), integer(signature.subarray(half)));
}

function fromDer(signature: Bytes, size: number): Bytes {
  const joined = new Uint8Array(size * 2);
  readSequence(signature).forEach((node, at) => {
    const number = expect(node, INTEGER);
    const trimmed = number.subarray(Math.max(0, number.findIndex((byte) => byte !== 0)));
    joined.set(trimmed, size * (at + 1) - trimmed.length);
  });
  return joined;
}

function saltOf(options: Options, hash: string, key: RsaKey, signs: boolean): number {
  const size = hashOf(hash).outputLen;
  if (options.saltLength === -1) return size;
  if (options.saltLength !== undefined && options.saltLength >= 0) return options.saltLength;
  if (!signs) throw new Error('Say the saltLength: finding it out is not supported');
  return Math.ceil((key.n.toString(2).length - 1) / 8) - size - 2;
}

function signBytes(digest: string | null, data: Bytes, input: KeyInput): Bytes {
  const [key, options] = [createPrivateKey(input), optionsOf(input)];
  const kind = kindOf(key);
  if (kind.type === 'ed25519') return ed25519.sign(data, edSecret(key));
  const hash = hashName(digest ?? 'sha256');
  if (kind.type === 'rsa') {
    const rsa = rsaKey(key);
    return options.padding === PSS_PADDING ? signPss(rsa, hashOf(hash), saltOf(options, hash, rsa, true), data) : signPkcs1(rsa, hash, hashOf(hash), data);
  }
  const raw: Bytes = CURVES[kind.curve as string].sign(hashOf(hash)(data), ecSecret(key), { prehash: false, lowS: false });
  return options.dsaEncoding === 'ieee-p1363' ? raw : toDer(raw);
}

function verifyBytes(digest: string | null, data: Bytes, input: KeyInput, signature: Bytes): boolean {
  const [key, options] = [createPublicKey(input), optionsOf(input)];
  const kind = kindOf(key);
  if (kind.type === 'ed25519') {
    const point = key.type === 'private' ? ed25519.getPublicKey(edSecret(key)) : publicPart(key);
    return ed25519.verify(signature, data, point, { zip215: false });
  }
  const hash = hashName(digest ?? 'sha256');
  if (kind.type === 'rsa') {
    const rsa = { ...rsaKey(key), secret: null };
    return options.padding === PSS_PADDING
      ? verifyPss(rsa, hashOf(hash), saltOf(options, hash, rsa, false), signature, data)
      : verifyPkcs1(rsa, hash, hashOf(hash), signature, data);
  }
  const curve = CURVES[kind.curve as string];
  const point = key.type === 'private' ? curve.getPublicKey(ecSecret(key)) : publicPart(key);
  const raw = options.dsaEncoding === 'ieee-p1363' ? signature : fromDer(signature, curve.lengths.secretKey);
  return curve.verify(raw, hashOf(hash)(data), point, { prehash: false, lowS: false });
}

type Input = string | ArrayBufferView;
const bytesOf = (input: Input, encoding?: string): Bytes => Uint8Array.from(Buffer.from(input as string, encoding) as Uint8Array);

class Collector {
  protected chunks: Bytes[] = [];

  constructor(protected readonly digest: string) {
    hashName(digest);
  }

  update(data: Input, encoding?: string): this {
    this.chunks.push(bytesOf(data, encoding));
    return this;
  }

  write = this.update;

  end(data?: Input): this {
    return data === undefined ? this : this.update(data);
  }

  protected whole(): Bytes {
    return Uint8Array.from(Buffer.concat(this.chunks) as Uint8Array);
  }
}

class Sign extends Collector {
  sign(key: KeyInput, encoding?: string): Uint8Array | string {
    const signature = Buffer.from(signBytes(this.digest, this.whole(), key));
    return encoding === undefined ? signature : signature.toString(encoding);
  }
}

/** Malformed signatures are wrong signatures. */
function holds(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof DOMException || (error as Error).constructor === Error && /signature|invalid/i.test((error as Error).message)) return false;
    throw error;
  }
}

class Verify extends Collector {
  verify(key: KeyInput, signature: Input, encoding?: string): boolean {
    return holds(() => verifyBytes(this.digest, this.whole(), key, bytesOf(signature, encoding)));
  }
}

export const createSign = (digest: string): Sign => new Sign(digest);
export const createVerify = (digest: string): Verify => new Verify(digest);
export const sign = (digest: string | null | undefined, data: ArrayBufferView, key: KeyInput) => Buffer.from(signBytes(digest ?? null, bytesOf(data), key));
export const verify = (digest: string | null | undefined, data: ArrayBufferView, key: KeyInput, signature: ArrayBufferView): boolean =>
  holds(() => verifyBytes(digest ?? null, bytesOf(data), key, bytesOf(signature)));
