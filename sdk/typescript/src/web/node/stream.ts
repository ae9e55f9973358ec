// The module `stream`, by the package readable-stream, which is Node's own implementation.
import './process.ts';
import './buffer.ts';
import '../events/abort.ts';
import stream from '@toolchain/readable-stream/lib/ours/browser.js';

export const {
  Duplex, PassThrough, Readable, Stream, Transform, Writable, addAbortSignal, compose, destroy, finished, isDisturbed, isErrored, isReadable, pipeline,
  promises,
} = stream;
export default stream;
export { stream as 'module.exports' };
