// From an author's handler to the component's export: finds it, runs it to its end, makes its answer fit to cross the boundary.
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
import { beginCall, settle } from './loop.ts';
import { runJobs, takeUnhandled } from './promise.ts';
import { describeError, messageOf } from './stack.ts';

interface WireResponse {
  status: number;
  headers: HttpHeader[];
  body: Uint8Array | null;
}

/** The handler of a module: its export `handler`, its default export, or `handler` of its default export. Throws when there is none. */
export function findHandler(module: Record<string, unknown>, source: string): Handler {
  const exported = module['default'] as { handler?: unknown } | undefined;
  for (const candidate of [module['handler'], exported, exported?.handler]) {
    if (typeof candidate === 'function') return candidate as Handler;
  }
  const names = Object.keys(module);
  const found = names.length === 0 ? 'nothing' : names.join(', ');
  throw new Error(`${source} exports ${found}, but no function named handler. Write: export const handler = async (req, host) => …`);
}

function wireResponse(answer: ExecuteResponse | null | undefined): WireResponse {
  if (answer === null || typeof answer !== 'object') {
    throw new TypeError(`The handler answered ${answer === null ? 'null' : typeof answer}; return jsonResponse(…) or {status, headers, body}`);
  }
  const { status } = answer;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 999) {
    throw new TypeError(`The handler answered status ${String(status)}, which is not an HTTP status`);
  }
  return { status, headers: wireHeaders(answer.headers), body: answer.body == null ? null : toBytes(answer.body, 'A response body') };
}

/** Text for the person behind the log; the host cuts what is too long. */
function report(text: string): void {
  for (const write of [() => log('error', text), () => stderr.getStderr().blockingWriteAndFlush(encodeUtf8(`${text.slice(0, 1200)}\n`))]) {
    try {
      write();
    } catch {
      // The host may refuse either; the answer still says that the handler failed.
    }
  }
}

function reportUnhandled(): void {
  for (const reason of takeUnhandled()) report(`A promise was rejected and nobody awaited it. ${describeError(reason)}`);
}

/** The component's `handler`. Whatever the author's handler throws is logged with its stack and answered as 500. */
export function wrap(handler: Handler): (request: WireRequest) => WireResponse {
  return (request) => {
    beginCall();
    try {
      const answer = wireResponse(settle(() => handler(requestFrom(request), bindings)) as ExecuteResponse);
      runJobs();
      reportUnhandled();
      return answer;
    } catch (error) {
      report(describeError(error));
      return wireResponse(jsonResponse({ error: 'handler_failed', message: messageOf(error) }, { status: 500 }));
    }
  };
}
