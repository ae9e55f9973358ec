// Hash functions by the names of the Web Cryptography standard, from the package @noble/hashes.
import { sha1 } from '@toolchain/@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@toolchain/@noble/hashes/sha2.js';
import { unsupported } from './key.ts';
import type { Bytes } from './key.ts';

export interface Hash {
  (data: Uint8Array): Bytes;
  outputLen: number;
  blockLen: number;
}

const HASHES: Record<string, Hash> = { 'SHA-1': sha1, 'SHA-256': sha256, 'SHA-384': sha384, 'SHA-512': sha512 };

/** The standard's name of `hash`: a name in any case, or an object that has one. */
export function hashName(hash: unknown): string {
  const name = typeof hash === 'object' && hash !== null ? (hash as { name?: unknown }).name : hash;
  if (name === undefined) throw new TypeError('The algorithm needs a hash');
  const known = Object.keys(HASHES).find((one) => one === String(name).toUpperCase());
  return known ?? unsupported(`The hash ${String(name)}`);
}

export const hashOf = (hash: unknown): Hash => HASHES[hashName(hash)] as Hash;
