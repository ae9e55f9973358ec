// CompressionStream and DecompressionStream of the Compression standard, by the fflate package.
import { Deflate, Gunzip, Gzip, Inflate, Unzlib, Zlib } from '@toolchain/fflate';
import { toBytes } from '../../bytes.ts';
import type { BodyLike } from '../../types.ts';
import { define } from '../define.ts';
import { TransformStream } from './streams.ts';

interface Coder {
  ondata: (chunk: Uint8Array, final: boolean) => void;
  push(chunk: Uint8Array, final?: boolean): void;
}

type Coders = Record<string, new () => Coder>;

const EMPTY = new Uint8Array(0);

function pair(coders: Coders, format: string): { readable: ReadableStream; writable: WritableStream } {
  const Chosen = Object.hasOwn(coders, format) ? coders[format] : undefined;
  if (Chosen === undefined) throw new TypeError(`Unsupported compression format: ${format}`);
  const coder = new Chosen();
  let complete = false;
  const failing = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      throw new TypeError(`The data is not valid ${format}: ${(error as Error).message}`);
    }
  };
  return new TransformStream<BodyLike, Uint8Array>({
    start(controller) {
      coder.ondata = (chunk, final) => {
        if (chunk.length > 0) controller.enqueue(chunk);
        complete ||= final;
      };
    },
    transform: (chunk) => failing(() => coder.push(toBytes(chunk, 'A chunk'))),
    flush() {
      failing(() => coder.push(EMPTY, true));
      if (!complete) throw new TypeError('The data ends too early');
    },
  });
}

class Compression {
  readonly readable: ReadableStream;
  readonly writable: WritableStream;

  constructor(coders: Coders, format: string) {
    const { readable, writable } = pair(coders, format);
    this.readable = readable;
    this.writable = writable;
  }
}

class CompressionStream extends Compression {
  constructor(format: string) {
    super({ gzip: Gzip, deflate: Zlib, 'deflate-raw': Deflate }, format);
  }
}

class DecompressionStream extends Compression {
  constructor(format: string) {
    super({ gzip: Gunzip, deflate: Unzlib, 'deflate-raw': Inflate }, format);
  }
}

define({ CompressionStream, DecompressionStream });
