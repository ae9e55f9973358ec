// The few parts of DER (X.690) that keys consist of, read and written.
import { fail } from './key.ts';
import type { Bytes } from './key.ts';

export interface Node {
  tag: number;
  content: Bytes;
}

export const SEQUENCE = 0x30;
export const INTEGER = 0x02;
export const BITS = 0x03;
export const OCTETS = 0x04;
export const NULL = 0x05;
export const OID = 0x06;

const malformed = (): never => fail('DataError', 'The key is not valid DER');

/** The elements that `bytes` consist of. Throws a DataError. */
export function readAll(bytes: Bytes): Node[] {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    let length = bytes[at + 1] ?? malformed();
    at += 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      if (size === 0 || size > 4) malformed();
      length = 0;
      for (let i = 0; i < size; i++) length = length * 256 + (bytes[at++] ?? malformed());
    }
    if (at + length > bytes.length) malformed();
    nodes.push({ tag, content: bytes.slice(at, at + length) });
    at += length;
  }
  return nodes;
}

/** The elements inside of the one sequence that `bytes` are. */
export function readSequence(bytes: Bytes): Node[] {
  const [node, ...rest] = readAll(bytes);
  return node?.tag === SEQUENCE && rest.length === 0 ? readAll(node.content) : malformed();
}

export function expect(node: Node | undefined, tag: number): Bytes {
  return node?.tag === tag ? node.content : malformed();
}

/** The content of a bit string of whole bytes. */
export function bits(node: Node | undefined): Bytes {
  const content = expect(node, BITS);
  return content[0] === 0 ? content.slice(1) : malformed();
}

export function write(tag: number, ...parts: Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256);
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | size.length, ...size];
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  parts.reduce((at, part) => {
    bytes.set(part, at);
    return at + part.length;
  }, head.length);
  return bytes;
}

/** A positive integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Bytes {
  const start = bytes.findIndex((byte) => byte !== 0);
  const trimmed = start < 0 ? new Uint8Array(1) : bytes.slice(start);
  return write(INTEGER, (trimmed[0] as number) >= 0x80 ? Uint8Array.of(0, ...trimmed) : trimmed);
}

export function oid(text: string): Bytes {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return write(OID, Uint8Array.from(bytes));
}

const equal = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && one.every((byte, at) => byte === other[at]);

/** An algorithm identifier: the object identifier and the parameters. */
export interface Identifier {
  oid: string;
  parameters: Bytes | null;
}

function checkIdentifier(node: Node | undefined, wanted: Identifier): void {
  const [id, parameters] = readAll(expect(node, SEQUENCE));
  const same = equal(write(OID, expect(id, OID)), oid(wanted.oid));
  const given = parameters === undefined ? null : write(parameters.tag, parameters.content);
  if (!same || (wanted.parameters !== null && (given === null || !equal(given, wanted.parameters)))) {
    fail('DataError', 'The key is of another algorithm or curve');
  }
}

/** The key in a SubjectPublicKeyInfo (RFC 5280). */
export function readSpki(bytes: Bytes, wanted: Identifier): Bytes {
  const [identifier, key] = readSequence(bytes);
  checkIdentifier(identifier, wanted);
  return bits(key);
}

/** The key in a PrivateKeyInfo (RFC 5958). */
export function readPkcs8(bytes: Bytes, wanted: Identifier): Bytes {
  const [, identifier, key] = readSequence(bytes);
  checkIdentifier(identifier, wanted);
  return expect(key, OCTETS);
}

const identifier = ({ oid: id, parameters }: Identifier): Bytes => write(SEQUENCE, oid(id), parameters ?? new Uint8Array(0));

export const writeSpki = (key: Bytes, of: Identifier): Bytes => write(SEQUENCE, identifier(of), write(BITS, Uint8Array.of(0), key));
export const writePkcs8 = (key: Bytes, of: Identifier): Bytes => write(SEQUENCE, integer(Uint8Array.of(0)), identifier(of), write(OCTETS, key));
