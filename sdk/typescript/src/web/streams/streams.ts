// The Streams standard, by the web-streams-polyfill package.
import '../values/clone.ts';
import * as streams from '@toolchain/web-streams-polyfill';
import { define } from '../define.ts';

export const ReadableStream: typeof globalThis.ReadableStream = streams.ReadableStream;
export const TransformStream: typeof globalThis.TransformStream = streams.TransformStream;

define({ ...streams });
