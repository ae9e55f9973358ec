// The requests and responses of handlers, and fetch.
import http from 'alga:extension/http';
import { decodeUtf8, toBytes } from '../bytes.ts';
import type { HttpHost } from '../host.ts';
import { header } from '../responses.ts';
import type { ContextData, ExecuteRequest, HttpHeader, Settings } from '../types.ts';
import { attempt, text, wireHeaders } from './calls.ts';
import { queryOf } from './query.ts';
import { requestTarget } from './target.ts';

type WireBody = Uint8Array | number[] | null | undefined;

export interface WireRequest {
  context: ExecuteRequest['context'];
  http: { method: string; url: string; headers: HttpHeader[]; body?: WireBody };
}

const bytesOf = (body: WireBody): Uint8Array | null => (body == null ? null : body instanceof Uint8Array ? body : Uint8Array.from(body));

function readers(body: Uint8Array | null) {
  return {
    text: (): string => (body === null ? '' : decodeUtf8(body)),
    json: <T>(): T => (body === null || body.length === 0 ? undefined : JSON.parse(decodeUtf8(body))) as T,
  };
}

/** The path of a URL, which may be a path or absolute. */
function pathOf(url: string): string {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  return path === '' ? '/' : path;
}

/** The request headers that the host uses where the WIT world has no field. The host removes them from callers' requests. */
const HOST_HEADERS = ['x-ext-config', 'x-ext-settings', 'x-ext-trigger', 'x-ext-schedule-id', 'x-ext-origin'];

/** The context of the current call, with what the WIT world has no field for: settings, trigger and schedule. */
export let callContext: ContextData = { tenantId: '', extensionId: '' };

export function requestFrom(wire: WireRequest): ExecuteRequest {
  const body = bytesOf(wire.http.body);
  const { method, url } = wire.http;
  const fromHost = (name: string): string | undefined => wire.http.headers.find((one) => one.name === name)?.value;
  const [config, settings, trigger, scheduleId, origin] = HOST_HEADERS.map(fromHost);
  const headers = wire.http.headers.filter((one) => !HOST_HEADERS.includes(one.name));
  const context: ContextData = {
    ...wire.context,
    config: JSON.parse(settings ?? config ?? '{}') as Settings,
    ...(trigger === undefined ? {} : { trigger }),
    ...(scheduleId === undefined ? {} : { scheduleId }),
  };
  callContext = context;
  requestTarget.set(url, origin);
  let query: Record<string, string> | undefined;
  return {
    context,
    http: {
      method,
      url,
      href: requestTarget.absolute(url),
      path: pathOf(url),
      get query() {
        return (query ??= queryOf(url));
      },
      headers,
      body,
      ...readers(body),
    },
    toRequest() {
      return new Request(this as never);
    },
  };
}

export const httpHost: HttpHost = {
  async fetch(request) {
    const wire = {
      method: text(request.method ?? 'GET', 'method').toUpperCase(),
      url: text(request.url, 'url'),
      headers: wireHeaders(request.headers),
      body: request.body == null ? null : toBytes(request.body, 'A request body'),
    };
    const response = attempt('http.fetch', () => http['fetch']!(wire)) as { status: number; headers: HttpHeader[]; body?: WireBody };
    const body = bytesOf(response.body);
    return { status: response.status, headers: response.headers, body, header: (name) => header(response, name), ...readers(body) };
  },
};
