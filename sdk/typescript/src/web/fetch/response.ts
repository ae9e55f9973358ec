// Response of the Fetch standard. A handler may return one.
import '../url/url.ts';
import { define } from '../define.ts';
import { Body, sourceOf } from './body.ts';
import { Headers } from './headers.ts';
import type { HeadersInit } from './headers.ts';

export interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit | null;
}

const WITHOUT_BODY = [101, 103, 204, 205, 304];
const REDIRECTS = [301, 302, 303, 307, 308];

export class Response extends Body {
  readonly status: number;
  readonly statusText: string;
  #type = 'default';
  #url = '';

  constructor(body: unknown = null, init: ResponseInit = {}) {
    super(new Headers(init.headers));
    this.status = Math.trunc(Number(init.status ?? 200));
    this.statusText = String(init.statusText ?? '');
    if (!(this.status >= 200 && this.status <= 599)) throw new RangeError(`${String(init.status)} is not a status from 200 to 599`);
    // eslint-disable-next-line no-control-regex
    if (/[^\t\x20-\x7e\x80-\xff]/.test(this.statusText)) throw new TypeError('The status text contains a character that it cannot carry');
    if (body == null) return;
    if (WITHOUT_BODY.includes(this.status)) throw new TypeError(`A response with status ${this.status} cannot have a body`);
    this.fill(sourceOf(body));
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  get redirected(): boolean {
    return false;
  }

  get type(): string {
    return this.#type;
  }

  get url(): string {
    return this.#url;
  }

  static error(): Response {
    const response = new Response();
    Object.defineProperty(response, 'status', { value: 0 });
    response.#type = 'error';
    return response;
  }

  static json(value: unknown, init: ResponseInit = {}): Response {
    const text = JSON.stringify(value);
    if (text === undefined) throw new TypeError('The value has no JSON form');
    const headers = new Headers(init.headers);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
    return new Response(text, { ...init, headers });
  }

  static redirect(url: string, status = 302): Response {
    if (!REDIRECTS.includes(status)) throw new RangeError(`${status} is not the status of a redirect`);
    return new Response(null, { status, headers: { location: new URL(String(url)).href } });
  }

  /** The response to a fetch of `url`. */
  static received(url: string, status: number, headers: HeadersInit, body: Uint8Array | null): Response {
    const response = new Response(WITHOUT_BODY.includes(status) ? null : body, { status, headers });
    response.#type = 'basic';
    response.#url = url;
    return response;
  }

  clone(): Response {
    const copy = new Response(null, { status: this.status || 200, statusText: this.statusText, headers: this.headers });
    copy.#type = this.#type;
    copy.#url = this.#url;
    copy.fill({ content: this.share(), type: null });
    return copy;
  }

  get [Symbol.toStringTag](): string {
    return 'Response';
  }
}

define({ Response });
