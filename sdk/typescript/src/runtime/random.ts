// Randomness of this call. The engine's own generator was seeded at build time and would repeat itself in every call.
import random from 'wasi:random/random@0.2.12';
import { isCalling } from './loop.ts';

/** Secure random bytes. Throws while modules are evaluated: whatever it gave then would be the same in every call. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  if (!isCalling()) {
    throw new Error('Randomness exists only inside a handler: what runs when the module loads runs once, at build time');
  }
  return random.getRandomBytes(length);
}

const state = new Uint32Array(4);
let seeded = false;

function next(): number {
  // xoshiro128**: fast, and nobody expects Math.random to be unpredictable.
  const [a, b, c, d] = state as unknown as [number, number, number, number];
  const scrambled = Math.imul(b, 5);
  const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
  const shifted = b << 9;
  const c1 = c ^ a;
  const d1 = d ^ b;
  state[1] = b ^ c1;
  state[0] = a ^ d1;
  state[2] = c1 ^ shifted;
  state[3] = (d1 << 11) | (d1 >>> 21);
  return result;
}

const builtIn = Math.random;

/** Replaces Math.random: 53 random bits, seeded anew in every call. */
export function mathRandom(): number {
  if (!isCalling()) return builtIn();
  if (!seeded) {
    state.set(new Uint32Array(randomBytes(16).slice().buffer));
    seeded = true;
  }
  return ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
}
