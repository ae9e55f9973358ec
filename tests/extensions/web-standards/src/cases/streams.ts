import { bytes, fails } from '../run.ts';
import type { Cases } from '../run.ts';

const of = (...chunks: unknown[]) => new ReadableStream({ start(controller) { for (const chunk of chunks) controller.enqueue(chunk); controller.close(); } });
async function collect<T>(stream: ReadableStream<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const chunk of stream as unknown as AsyncIterable<T>) seen.push(chunk);
  return seen;
}

export const streams: Cases = {
  async 'read by a reader'() {
    const reader = of(1, 2).getReader();
    return [await reader.read(), await reader.read(), await reader.read()];
  },
  'for await': () => collect(of('a', 'b')),
  'from': () => collect((ReadableStream as unknown as { from(source: Iterable<number>): ReadableStream<number> }).from([1, 2])),
  async 'pulled on demand'() {
    let pulled = 0;
    const stream = new ReadableStream({ pull(controller) { controller.enqueue(++pulled); if (pulled === 3) controller.close(); } });
    return [await collect(stream), pulled];
  },
  async 'tee'() {
    const [one, other] = of(1, 2).tee();
    return [await collect(one), await collect(other)];
  },
  async 'transformed and piped'() {
    const written: unknown[] = [];
    const double = new TransformStream({ transform: (chunk: number, controller) => controller.enqueue(chunk * 2), flush: (controller) => controller.enqueue('end') });
    await of(1, 2).pipeThrough(double).pipeTo(new WritableStream({ write: (chunk) => void written.push(chunk), close: () => void written.push('closed') }));
    return written;
  },
  async 'an error passes through'() {
    const failing = new ReadableStream({ start: (controller) => controller.error(new RangeError('broken')) });
    return collect(failing.pipeThrough(new TransformStream()));
  },
  async 'cancelled'() {
    let why: unknown;
    const stream = new ReadableStream({ cancel(reason) { why = reason; } });
    await stream.cancel('enough');
    return [why, stream.locked];
  },
  'a locked stream': () => { const stream = of(1); stream.getReader(); stream.getReader(); },
  async 'byte streams'() {
    const stream = new ReadableStream({ type: 'bytes', start(controller) { controller.enqueue(bytes('abcd') as never); controller.close(); } });
    const reader = stream.getReader({ mode: 'byob' });
    const { value, done } = await reader.read(new Uint8Array(3));
    return [[...(value as Uint8Array)], done];
  },
  async 'text streams'() {
    const text = await collect(of(Uint8Array.of(0xe2, 0x82), Uint8Array.of(0xac, 0x41)).pipeThrough(new TextDecoderStream() as never));
    const encoded = await collect(of('a\ud83d', '\ude00').pipeThrough(new TextEncoderStream() as never));
    return [text.join(''), encoded.flatMap((chunk) => [...(chunk as Uint8Array)])];
  },
  async 'gzip and back'() {
    const formats = ['gzip', 'deflate', 'deflate-raw'] as const;
    const there = (format: CompressionFormat) => new Response(of(bytes('hello '.repeat(100))).pipeThrough(new CompressionStream(format) as never)).arrayBuffer();
    const back = async (format: CompressionFormat) => new Response(of(new Uint8Array(await there(format))).pipeThrough(new DecompressionStream(format) as never)).text();
    return Promise.all(formats.map(async (format) => [(await there(format)).byteLength < 100, (await back(format)).length]));
  },
  'an unknown format': () => new CompressionStream('zip' as never),
  'what is no gzip': () => fails(() => new Response(of(bytes('hello hello hello')).pipeThrough(new DecompressionStream('gzip') as never)).text()),
  async 'backpressure'() {
    const writer = new WritableStream({ write: () => new Promise((resolve) => setTimeout(resolve, 1)) }, new CountQueuingStrategy({ highWaterMark: 2 })).getWriter();
    const before = writer.desiredSize;
    void writer.write(1);
    const after = writer.desiredSize;
    await writer.close();
    return [before, after];
  },
};
