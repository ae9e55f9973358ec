// Blob and File of the File API.
import { decodeUtf8, encodeUtf8 } from '../../bytes.ts';
import { define } from '../define.ts';
import { ReadableStream } from '../streams/streams.ts';

type Part = Blob | ArrayBuffer | ArrayBufferView | string;

function bytesOf(part: Part): Uint8Array {
  if (part instanceof Blob) return part[CONTENT]();
  if (part instanceof ArrayBuffer) return new Uint8Array(part);
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer as ArrayBuffer, part.byteOffset, part.byteLength);
  return encodeUtf8(String(part));
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const CONTENT = Symbol('content');
const typeOf = (type: unknown): string => (/^[\x20-\x7e]*$/.test(String(type ?? '')) ? String(type ?? '').toLowerCase() : '');

export class Blob {
  #bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;

  constructor(parts: Iterable<Part> = [], options: { type?: string } = {}) {
    if (typeof parts !== 'object' || parts === null || !(Symbol.iterator in parts)) throw new TypeError('new Blob(…) needs a list of parts');
    this.#bytes = joined(Array.from(parts, bytesOf));
    this.type = typeOf(options.type);
  }

  get size(): number {
    return this.#bytes.length;
  }

  slice(start = 0, end = this.size, type = ''): Blob {
    return new Blob([this.#bytes.subarray(...span(start, end, this.size))], { type });
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes.slice().buffer;
  }

  async bytes(): Promise<Uint8Array> {
    return this.#bytes.slice();
  }

  async text(): Promise<string> {
    return decodeUtf8(this.#bytes).replace(/^\ufeff/, '');
  }

  stream(): globalThis.ReadableStream<Uint8Array> {
    const bytes = this.#bytes;
    return new ReadableStream<Uint8Array>({
      type: 'bytes',
      start(controller) {
        if (bytes.length > 0) controller.enqueue(bytes.slice());
        controller.close();
      },
    });
  }

  /** The bytes themselves, for this package, which never changes them. */
  [CONTENT](): Uint8Array {
    return this.#bytes;
  }

  get [Symbol.toStringTag](): string {
    return 'Blob';
  }
}

function span(start: number, end: number, size: number): [number, number] {
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? size + at : at, 0), size);
  const from = clamp(Math.trunc(start));
  return [from, Math.max(clamp(Math.trunc(end)), from)];
}

/** The content of a blob, without a copy. */
export const contentOf = (blob: Blob): Uint8Array => blob[CONTENT]();

export class File extends Blob {
  readonly name: string;
  readonly lastModified: number;

  constructor(parts: Iterable<Part>, name: string, options: { type?: string; lastModified?: number } = {}) {
    if (arguments.length < 2) throw new TypeError('new File(…) needs parts and a name');
    super(parts, options);
    this.name = String(name);
    this.lastModified = options.lastModified ?? Date.now();
  }

  override get [Symbol.toStringTag](): string {
    return 'File';
  }
}

define({ Blob, File });
