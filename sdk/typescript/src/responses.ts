// Answers, and reading a header.
import { encodeUtf8 } from './bytes.ts';
import type { ExecuteResponse, HeadersLike, HttpHeader } from './types.ts';

export interface ResponseInit {
  status?: number;
  /** Replaces the default headers as a whole. */
  headers?: HeadersLike;
}

function headerList(headers: HeadersLike): HttpHeader[] {
  return Array.isArray(headers) ? headers : Object.entries(headers).map(([name, value]) => ({ name, value }));
}

function answer(body: Uint8Array, contentType: string, init: ResponseInit): ExecuteResponse & { headers: HttpHeader[]; body: Uint8Array } {
  const headers = init.headers === undefined ? [{ name: 'content-type', value: contentType }] : headerList(init.headers);
  return { status: init.status ?? 200, headers, body };
}

/** `body` as JSON; bytes pass through as JSON that is already encoded. Status 200, content-type application/json. */
export function jsonResponse(body: unknown, init: ResponseInit = {}) {
  const bytes = body instanceof Uint8Array ? body : encodeUtf8(JSON.stringify(body) ?? 'null');
  return answer(bytes, 'application/json', init);
}

/** `text` as UTF-8. Status 200, content-type text/plain. */
export function textResponse(text: string, init: ResponseInit = {}) {
  return answer(encodeUtf8(text), 'text/plain; charset=utf-8', init);
}

/** An answer without a body. Status 204. */
export function emptyResponse(status = 204): ExecuteResponse & { headers: HttpHeader[]; body: null } {
  return { status, headers: [], body: null };
}

/** The first header of that name, compared without regard to case. */
export function header(message: { headers: HttpHeader[] }, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return message.headers.find((entry) => entry.name.toLowerCase() === wanted)?.value;
}
