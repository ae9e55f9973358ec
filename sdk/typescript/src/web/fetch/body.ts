// The body of requests and responses of the Fetch standard: bytes, or a stream that is read when somebody wants it.
import { decodeUtf8, encodeUtf8 } from '../../bytes.ts';
import { ReadableStream } from '../streams/streams.ts';
import { Blob, contentOf } from './blob.ts';
import { FormData } from './form_data.ts';
import { Headers } from './headers.ts';
import { readMultipart, writeMultipart } from './multipart.ts';

type Stream = globalThis.ReadableStream<Uint8Array>;

/** What a body was made of, and the content type that it implies. */
export interface Source {
  content: Uint8Array | Stream | null;
  type: string | null;
}

const copyOf = (view: ArrayBufferView | ArrayBuffer): Uint8Array =>
  view instanceof ArrayBuffer ? new Uint8Array(view.slice(0)) : new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength).slice();

/** The Fetch standard, "extract a body". */
export function sourceOf(init: unknown): Source {
  if (init == null) return { content: null, type: null };
  if (init instanceof Blob) return { content: contentOf(init), type: init.type || null };
  if (init instanceof ArrayBuffer || ArrayBuffer.isView(init)) return { content: copyOf(init), type: null };
  if (init instanceof ReadableStream) {
    if (init.locked) throw new TypeError('The stream is locked: something else reads it');
    return { content: init as Stream, type: null };
  }
  if (init instanceof FormData) {
    const { bytes, type } = writeMultipart(init);
    return { content: bytes, type };
  }
  if (typeof globalThis.URLSearchParams === 'function' && init instanceof globalThis.URLSearchParams) {
    return { content: encodeUtf8(init.toString()), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
  return { content: encodeUtf8(String(init)), type: 'text/plain;charset=UTF-8' };
}

function streamOf(bytes: Uint8Array): Stream {
  return new ReadableStream<Uint8Array>({
    type: 'bytes',
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes.slice());
      controller.close();
    },
  });
}

async function readAll(stream: Stream): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return contentOf(new Blob(chunks));
    if (!(value instanceof Uint8Array)) throw new TypeError('The stream of a body must give bytes (Uint8Array)');
    chunks.push(value as Uint8Array<ArrayBuffer>);
  }
}

function parseForm(bytes: Uint8Array, type: string): FormData {
  const boundary = /^multipart\/form-data\b.*;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
  if (boundary !== null) return readMultipart(bytes, boundary[1] ?? (boundary[2] as string));
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) {
    throw new TypeError('The body is not a form: its content type is neither multipart/form-data nor application/x-www-form-urlencoded');
  }
  const form = new FormData();
  for (const [name, value] of new URLSearchParams(decodeUtf8(bytes))) form.append(name, value);
  return form;
}

/** The base of Request and Response. */
export class Body {
  readonly headers: Headers;
  #content: Uint8Array | Stream | null = null;
  #used = false;

  constructor(headers: Headers) {
    this.headers = headers;
  }

  protected fill(source: Source): void {
    this.#content = source.content;
    if (source.type !== null && !this.headers.has('content-type')) this.headers.set('content-type', source.type);
  }

  get body(): Stream | null {
    if (this.#content instanceof Uint8Array) this.#content = streamOf(this.#content);
    return this.#content;
  }

  get bodyUsed(): boolean {
    const content = this.#content as { _disturbed?: boolean } | null;
    return this.#used || content?._disturbed === true;
  }

  #checkUnread(): void {
    const locked = this.#content instanceof ReadableStream && this.#content.locked;
    if (this.bodyUsed || locked) throw new TypeError('The body has been read already, or something else reads it');
  }

  /** Both halves of the content for a clone; this body keeps one of them. */
  protected share(): Uint8Array | Stream | null {
    this.#checkUnread();
    if (this.#content === null || this.#content instanceof Uint8Array) return this.#content;
    const [mine, theirs] = this.#content.tee();
    this.#content = mine;
    return theirs;
  }

  /** Hands the content to another body; this one is used up. */
  protected handOver(): Uint8Array | Stream | null {
    this.#checkUnread();
    this.#used = this.#content !== null;
    return this.#content;
  }

  async bytes(): Promise<Uint8Array> {
    this.#checkUnread();
    const content = this.#content;
    if (content === null) return new Uint8Array(0);
    this.#used = true;
    return content instanceof Uint8Array ? content.slice() : readAll(content);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes();
    return bytes.buffer.byteLength === bytes.length ? (bytes.buffer as ArrayBuffer) : (bytes.slice().buffer as ArrayBuffer);
  }

  async text(): Promise<string> {
    return decodeUtf8(await this.bytes()).replace(/^\ufeff/, '');
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async blob(): Promise<Blob> {
    return new Blob([(await this.bytes()) as Uint8Array<ArrayBuffer>], { type: this.headers.get('content-type') ?? '' });
  }

  async formData(): Promise<FormData> {
    return parseForm(await this.bytes(), this.headers.get('content-type') ?? '');
  }
}
