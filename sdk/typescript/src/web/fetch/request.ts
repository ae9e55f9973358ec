// Request of the Fetch standard; also made from the request of a handler: `new Request(req)`.
import '../url/url.ts';
import { AbortController } from '../events/abort.ts';
import type { AbortSignal } from '../events/abort.ts';
import { define } from '../define.ts';
import { Body, sourceOf } from './body.ts';
import { Headers } from './headers.ts';
import type { HeadersInit } from './headers.ts';

export interface RequestInit {
  method?: string;
  headers?: HeadersInit | null;
  body?: unknown;
  signal?: AbortSignal | null;
  redirect?: string;
  [name: string]: unknown;
}

const NORMALIZED = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
const DEFAULTS: Record<string, string> = {
  cache: 'default',
  credentials: 'same-origin',
  integrity: '',
  mode: 'cors',
  redirect: 'follow',
  referrer: 'about:client',
  referrerPolicy: '',
};

function methodOf(method: unknown): string {
  const text = String(method);
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a valid HTTP method`);
  if (/^(connect|trace|track)$/i.test(text)) throw new TypeError(`${text} requests are not possible`);
  return NORMALIZED.includes(text.toUpperCase()) ? text.toUpperCase() : text;
}

interface HandlerRequest {
  method: string;
  url: string;
  headers: { name: string; value: string }[];
  body?: Uint8Array | null;
}

/** The HTTP part of a handler's request, if `input` is one or is the part itself. */
function handlerRequest(input: unknown): HandlerRequest | null {
  if (typeof input !== 'object' || input === null || input instanceof Request) return null;
  const http = ('http' in input ? input.http : input) as Partial<HandlerRequest> | null;
  return typeof http?.url === 'string' && typeof http.method === 'string' && Array.isArray(http.headers) ? (http as HandlerRequest) : null;
}

/** The input and init that stand for a handler's request. */
function standardForm(input: unknown, init: RequestInit): [unknown, RequestInit] {
  const http = handlerRequest(input);
  if (http === null) return [input, init];
  const body = /^(get|head)$/i.test(http.method) ? null : http.body;
  return [http.url, { method: http.method, headers: http.headers, body, ...init }];
}

export class Request extends Body {
  readonly method: string;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly redirect!: string;
  readonly destination = '';
  readonly duplex = 'half';
  readonly keepalive = false;

  constructor(input: unknown, init: RequestInit = {}) {
    const [from, options] = standardForm(input, init);
    const original = from instanceof Request ? from : null;
    super(new Headers(options.headers ?? original?.headers));
    this.method = methodOf(options.method ?? original?.method ?? 'GET');
    this.url = original?.url ?? Request.#urlOf(from);
    this.signal = (options.signal ?? original?.signal ?? new AbortController().signal) as AbortSignal;
    for (const [name, value] of Object.entries(DEFAULTS)) {
      const chosen = options[name] ?? (original as Record<string, unknown> | null)?.[name] ?? value;
      Object.defineProperty(this, name, { value: chosen, configurable: true, enumerable: true });
    }
    if (options.body != null) {
      if (this.method === 'GET' || this.method === 'HEAD') throw new TypeError(`A ${this.method} request cannot have a body`);
      this.fill(sourceOf(options.body));
    } else if (original !== null) this.fill({ content: original.handOver(), type: null });
  }

  static #urlOf(input: unknown): string {
    const url = new URL(String(input));
    if (url.username !== '' || url.password !== '') throw new TypeError('The URL of a request cannot contain credentials: send an authorization header');
    return url.href;
  }

  clone(): Request {
    const { method, headers, signal } = this;
    const copy = new Request(this.url, { ...Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, (this as never)[name]])), method, headers, signal });
    copy.fill({ content: this.share(), type: null });
    return copy;
  }

  get [Symbol.toStringTag](): string {
    return 'Request';
  }
}

define({ Request });
