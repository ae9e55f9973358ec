// Creates responses, and reads headers.
import { encodeUtf8 } from './bytes.ts';
import type { ExecuteResponse, HeadersLike, HttpHeader } from './types.ts';

export interface ResponseInit {
  status?: number;
  /** Replaces the default headers as a whole. */
  headers?: HeadersLike;
}

/** Headers as a list of names and values. */
export function headerList(headers: HeadersLike): HttpHeader[] {
  return Array.isArray(headers) ? headers : Object.entries(headers).map(([name, value]) => ({ name, value }));
}

function response(body: Uint8Array, contentType: string, init: ResponseInit): ExecuteResponse & { headers: HttpHeader[]; body: Uint8Array } {
  const headers = init.headers === undefined ? [{ name: 'content-type', value: contentType }] : headerList(init.headers);
  return { status: init.status ?? 200, headers, body };
}

/** `body` as JSON; bytes pass through as JSON that is already encoded. Status 200, content-type application/json. */
export function jsonResponse(body: unknown, init: ResponseInit = {}) {
  const bytes = body instanceof Uint8Array ? body : encodeUtf8(JSON.stringify(body) ?? 'null');
  return response(bytes, 'application/json', init);
}

/** `text` as UTF-8. Status 200, content-type text/plain. */
export function textResponse(text: string, init: ResponseInit = {}) {
  return response(encodeUtf8(text), 'text/plain; charset=utf-8', init);
}

/** A response without a body. Default status: 204. */
export function emptyResponse(status = 204): ExecuteResponse & { headers: HttpHeader[]; body: null } {
  return { status, headers: [], body: null };
}

/** The first header of that name, compared without regard to case. */
export function header(message: { headers: HttpHeader[] }, name: string): string | undefined {
  const lowered = name.toLowerCase();
  return message.headers.find((entry) => entry.name.toLowerCase() === lowered)?.value;
}
