// crypto of the Web Cryptography standard, with secure random bytes of the host. subtle.ts adds `subtle` for programs that use it.
import { randomBytes } from '../../runtime/random.ts';
import { define } from '../define.ts';

const INTEGERS = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array'];

export class Crypto {
  getRandomValues<T extends ArrayBufferView>(target: T): T {
    const kind = Object.prototype.toString.call(target).slice('[object '.length, -1);
    if (!ArrayBuffer.isView(target) || !INTEGERS.includes(kind)) {
      throw new DOMException('getRandomValues fills typed arrays of integers', 'TypeMismatchError');
    }
    const view = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    if (view.length > 65536) throw new DOMException('getRandomValues returns at most 65536 bytes', 'QuotaExceededError');
    if (view.length > 0) view.set(randomBytes(view.length));
    return target;
  }

  randomUUID(): string {
    const bytes = randomBytes(16);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  }

  get [Symbol.toStringTag](): string {
    return 'Crypto';
  }
}

export const crypto = new Crypto();

define({ crypto, Crypto });
