// crypto.getRandomValues and crypto.randomUUID, with secure random bytes of the host. There is no crypto.subtle.
import { randomBytes } from '../runtime/random.ts';

export const crypto = {
  getRandomValues<T extends ArrayBufferView>(target: T): T {
    const view = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    if (view.length > 65536) throw new RangeError('getRandomValues returns at most 65536 bytes');
    if (view.length > 0) view.set(randomBytes(view.length));
    return target;
  },

  randomUUID(): string {
    const bytes = randomBytes(16);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  },
};
