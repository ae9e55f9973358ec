// Random numbers of this call. The engine's own generator is seeded at build time and would repeat itself in every call.
import random from 'wasi:random/random@0.2.12';
import { isCalling } from './loop.ts';

/** Secure random bytes. Throws while modules are evaluated, because a value from then would be the same in every call. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  if (!isCalling()) {
    throw new Error('Use random values only inside a handler: code at the top level of a module runs once, at build time');
  }
  return random.getRandomBytes(length);
}

const state = new Uint32Array(4);
let seeded = false;

function next(): number {
  // xoshiro128**: fast. Math.random does not have to be unpredictable.
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

/** Replaces Math.random: 53 random bits, with a new seed in every call. */
export function mathRandom(): number {
  if (!isCalling()) return builtIn();
  if (!seeded) {
    state.set(new Uint32Array(randomBytes(16).slice().buffer));
    seeded = true;
  }
  return ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
}
