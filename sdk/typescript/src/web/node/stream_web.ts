// The module `stream/web`.
import '../streams/streams.ts';
import '../streams/text.ts';
import '../streams/compression.ts';

export const { ReadableStream, WritableStream, TransformStream, TextDecoderStream, TextEncoderStream, CompressionStream, DecompressionStream } = globalThis;
export const { ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableStreamDefaultReader, ReadableStreamBYOBReader, WritableStreamDefaultWriter } = globalThis;
