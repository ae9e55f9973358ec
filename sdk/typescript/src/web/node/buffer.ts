// Buffer of Node, by the package `buffer`, which lacks only the encoding base64url.
import { Buffer } from '@toolchain/buffer';
import { define } from '../define.ts';

const isUrlForm = (encoding: unknown): boolean => typeof encoding === 'string' && encoding.toLowerCase() === 'base64url';
const plain = (encoding: unknown): unknown => (isUrlForm(encoding) ? 'base64' : encoding);

const { from, byteLength, isEncoding, alloc } = Buffer;
const { toString, write, fill } = Buffer.prototype;
const inspected = Symbol.for('nodejs.util.inspect.custom');

Object.assign(Buffer, {
  from: (value: unknown, encoding?: unknown, length?: unknown) => from.call(Buffer, value, plain(encoding), length),
  byteLength: (value: unknown, encoding?: unknown) => byteLength.call(Buffer, value, plain(encoding)),
  alloc: (size: number, content?: unknown, encoding?: unknown) => alloc.call(Buffer, size, content, plain(encoding)),
  isEncoding: (encoding: unknown) => isUrlForm(encoding) || isEncoding(encoding),
});

Object.assign(Buffer.prototype, {
  toString(encoding?: unknown, start?: number, end?: number): string {
    const text: string = toString.call(this, plain(encoding), start, end);
    return isUrlForm(encoding) ? text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '') : text;
  },
  write(text: string, ...rest: unknown[]): number {
    return write.call(this, text, ...rest.map(plain));
  },
  fill(value: unknown, ...rest: unknown[]): unknown {
    return fill.call(this, value, ...rest.map(plain));
  },
  [inspected](this: Uint8Array): string {
    const shown = Array.from(this.subarray(0, 50), (byte) => byte.toString(16).padStart(2, '0'));
    return `<Buffer${shown.map((hex) => ` ${hex}`).join('')}${this.length > 50 ? ` ... ${this.length - 50} more byte${this.length > 51 ? 's' : ''}` : ''}>`;
  },
});

define({ Buffer });
export { Buffer };
