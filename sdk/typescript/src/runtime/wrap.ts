// Connects the author's handler to the component's export: finds it, runs it, and converts its response.
import stderr from 'wasi:cli/stderr@0.2.12';
import { encodeUtf8, toBytes } from '../bytes.ts';
import type { Handler } from '../host.ts';
import { jsonResponse } from '../responses.ts';
import type { ExecuteResponse, HttpHeader } from '../types.ts';
import { bindings } from './bindings.ts';
import { wireHeaders } from './calls.ts';
import { requestFrom } from './http.ts';
import type { WireRequest } from './http.ts';
import { log } from './logging.ts';
import { beginCall, runUntilSettled } from './loop.ts';
import { runJobs, takeUnhandled } from './promise.ts';
import { describeError, messageOf } from './stack.ts';

export type AnyHandler = Handler<ExecuteResponse | Response>;

export interface WireResponse {
  status: number;
  headers: HttpHeader[];
  body: Uint8Array | null;
}

/** The handler of a module: its export `handler`, its default export, or `handler` of its default export. Throws without one. */
export function findHandler(module: Record<string, unknown>, source: string): AnyHandler {
  const exported = module['default'] as { handler?: unknown } | undefined;
  for (const candidate of [module['handler'], exported, exported?.handler]) {
    if (typeof candidate === 'function') return candidate as AnyHandler;
  }
  const names = Object.keys(module);
  const found = names.length === 0 ? 'nothing' : names.join(', ');
  throw new Error(`${source} exports ${found}, but no function named handler. Write: export const handler = async (req, host) => …`);
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The headers of a response. Throws a TypeError that names the one that HTTP cannot carry: the host would drop it, or refuse the response. */
function responseHeaders(given: ExecuteResponse['headers']): HttpHeader[] {
  const headers = wireHeaders(given);
  for (const { name, value } of headers) {
    if (!HEADER_NAME.test(name)) throw new TypeError(`The handler returned a header with the name ${JSON.stringify(name)}, which HTTP does not allow`);
    // eslint-disable-next-line no-control-regex
    const bad = /[\0-\x08\x0a-\x1f\x7f]|[^\0-\xff]/.exec(value);
    if (bad !== null) throw new TypeError(`The handler returned the header ${name} with the character ${JSON.stringify(bad[0])}, which HTTP does not allow`);
  }
  return headers;
}

export function wireResponse(response: ExecuteResponse | null | undefined): WireResponse {
  if (response === null || typeof response !== 'object') {
    throw new TypeError(`The handler returned ${response === null ? 'null' : typeof response}; return jsonResponse(…) or {status, headers, body}`);
  }
  const { status } = response;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 999) {
    throw new TypeError(`The handler returned the status ${String(status)}, which is not an HTTP status`);
  }
  return { status, headers: responseHeaders(response.headers), body: response.body == null ? null : toBytes(response.body, 'A response body') };
}

interface StandardResponse {
  status: number;
  headers: Iterable<[string, string]>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** A Response of the Fetch standard, this SDK's or that of a package: recognized by what it can do. */
function isStandard(response: unknown): response is StandardResponse {
  const { arrayBuffer, headers } = (response ?? {}) as Partial<StandardResponse>;
  return typeof arrayBuffer === 'function' && typeof headers === 'object' && headers !== null && Symbol.iterator in headers;
}

/** A standard Response with its body read; its headers in its order, each Set-Cookie on its own. */
async function readResponse(response: StandardResponse): Promise<ExecuteResponse> {
  const headers = Array.from(response.headers, ([name, value]) => ({ name, value }));
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers, body: body.length === 0 ? null : body };
}

/** The handler's response in the form of the SDK, for engines that run promises themselves. */
export async function answerOf(handler: AnyHandler, request: WireRequest): Promise<ExecuteResponse> {
  const response: unknown = await handler(requestFrom(request), bindings);
  return isStandard(response) ? readResponse(response) : (response as ExecuteResponse);
}

/** Writes to the log and to standard error; the host truncates long text. */
export function report(text: string): void {
  for (const write of [() => log('error', text), () => stderr.getStderr().blockingWriteAndFlush(encodeUtf8(`${text.slice(0, 1200)}\n`))]) {
    try {
      write();
    } catch {
      // The host may deny either one; the response still says that the handler failed.
    }
  }
}

function reportUnhandled(): void {
  for (const reason of takeUnhandled()) report(`A promise was rejected and nothing awaited it. ${describeError(reason)}`);
}

/** The component's `handler`. An error of the author's handler is logged with its stack and becomes a response with status 500. */
export function wrap(handler: AnyHandler): (request: WireRequest) => WireResponse {
  return (request) => {
    beginCall();
    try {
      const answer = runUntilSettled(() => handler(requestFrom(request), bindings));
      const response = wireResponse((isStandard(answer) ? runUntilSettled(() => readResponse(answer)) : answer) as ExecuteResponse);
      runJobs();
      reportUnhandled();
      return response;
    } catch (error) {
      report(describeError(error));
      return wireResponse(jsonResponse({ error: 'handler_failed', message: messageOf(error) }, { status: 500 }));
    }
  };
}
