// Calls a function of the WIT world. Arguments are validated here, because a wrong one would trap the guest. Error cases become errors.
import { HostError } from '../errors.ts';
import type { HeadersLike, HttpHeader } from '../types.ts';

const CAPABILITIES: Record<string, string> = {
  secrets: 'cap:secrets.get',
  http: 'cap:http.fetch',
  storage: 'cap:storage.kv',
  uiProxy: 'cap:ui.proxy',
  user: 'cap:user.read',
  scheduler: 'cap:scheduler.manage',
  clients: 'cap:client.read',
  services: 'cap:service.read',
};

function hintFor(call: string, code: string): string | undefined {
  const capability = CAPABILITIES[call.split('.')[0] as string];
  if (call === 'http.fetch' && code === 'not-allowed') {
    return 'Add the host to "egress" in manifest.json, and cap:http.fetch to "capabilities".';
  }
  if (call === 'uiProxy.callRoute' && code === 'denied') {
    return 'Add the route to "uiProxy": {"routes": […]} in manifest.json, and cap:ui.proxy to "capabilities"; the user of the call may lack the permission.';
  }
  if (capability !== undefined && (code === 'denied' || code === 'not-allowed')) {
    return `The install may not have been granted ${capability}.`;
  }
  return undefined;
}

/** Runs `work`. Throws a HostError for an error case of the host function; other errors pass through. */
export function attempt<T>(call: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = (error as { payload?: unknown } | null)?.payload;
    if (typeof code === 'string') throw new HostError(call, code, hintFor(call, code));
    if (typeof error === 'string') throw new HostError(call, error, hintFor(call, error));
    throw error;
  }
}

/** Returns `value` if it is text. Throws a TypeError that names `what` otherwise. */
export function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new TypeError(`${what} must be text, not ${value === null ? 'null' : typeof value}`);
  return value;
}

export function optionalText(value: unknown, what: string): string | null {
  return value == null ? null : text(value, what);
}

export function optionalFlag(value: unknown, what: string): boolean | null {
  if (value == null) return null;
  if (typeof value !== 'boolean') throw new TypeError(`${what} must be true or false`);
  return value;
}

export function optionalCount(value: unknown, what: string): number | null {
  if (value == null) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0x7fffffff) {
    throw new TypeError(`${what} must be a whole number, 0 or more`);
  }
  return value;
}

export function decimal(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError(`${what} must be a number`);
  return value;
}

export function oneOf<T extends string>(value: unknown, cases: readonly T[], what: string): T | null {
  if (value == null) return null;
  if (!cases.includes(value as T)) throw new TypeError(`${what} must be one of ${cases.join(', ')}`);
  return value as T;
}

/** Headers as the list that the host expects. Values may be numbers. */
export function wireHeaders(headers: HeadersLike | null | undefined): HttpHeader[] {
  if (headers == null) return [];
  const list = Array.isArray(headers) ? headers : Object.entries(headers).map(([name, value]) => ({ name, value }));
  return list.map((entry) => {
    const value: unknown = entry.value;
    return { name: text(entry.name, 'A header name'), value: text(typeof value === 'number' ? String(value) : value, `Header ${entry.name}`) };
  });
}

/** Parses JSON text; returns null, and text that is not JSON, unchanged. */
export function readJson(value: string | null | undefined): unknown {
  if (value == null) return null;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
