// For unit tests of handlers in Node: requests to pass to a handler, and a host that remembers what the handler stores and logs.
// It is '@holdfast/sdk/testing', for tests only: builds do not contain it.
import { decodeUtf8, toBytes } from './bytes.ts';
import { HostError } from './errors.ts';
import type { HostBindings } from './host.ts';
import { createMockHostBindings } from './mock.ts';
import type { MockOverrides } from './mock.ts';
import { headerList } from './responses.ts';
import type { BodyLike, ContextData, ExecuteRequest, ExecuteResponse, HeadersLike, LogLevel, StorageEntry, StoragePut } from './types.ts';

export interface TestRequestInit {
  headers?: HeadersLike;
  /** Text or bytes; any other value is sent as JSON. */
  body?: unknown;
  context?: Partial<ContextData>;
}

/** A line that the handler logged. */
export interface TestLogLine {
  level: LogLevel;
  message: string;
  fields?: Record<string, unknown>;
}

/** A host for one test. `logs` has the lines that the handler logged, in order. */
export interface TestHost extends HostBindings {
  readonly logs: TestLogLine[];
}

const isBody = (value: unknown): value is BodyLike => typeof value === 'string' || value instanceof ArrayBuffer || ArrayBuffer.isView(value);

/** A request as a handler receives it: `createTestRequest('POST', '/notes?x=1', { body: { text: 'Hello' } })`. */
export function createTestRequest(method: string, url: string, { headers = [], body, context = {} }: TestRequestInit = {}): ExecuteRequest {
  const given = [...headerList(headers)];
  const asJson = body !== undefined && body !== null && !isBody(body);
  if (asJson && !given.some(({ name }) => name.toLowerCase() === 'content-type')) {
    given.push({ name: 'content-type', value: 'application/json' });
  }
  const bytes = body === undefined || body === null ? null : toBytes(isBody(body) ? body : JSON.stringify(body), 'A request body');
  const text = (): string => (bytes === null ? '' : decodeUtf8(bytes));
  const absolute = new URL(url, 'http://localhost');
  const query = Object.fromEntries([...new Set(absolute.searchParams.keys())].map((name) => [name, absolute.searchParams.get(name) as string]));
  return {
    context: { tenantId: 'tenant-test', extensionId: 'extension-test', requestId: 'request-test', config: {}, ...context },
    http: {
      method: method.toUpperCase(),
      url,
      href: absolute.href,
      query,
      path: url.replace(/[?#].*$/s, '') || '/',
      headers: given,
      body: bytes,
      text,
      json: <T>(): T => (bytes === null || bytes.length === 0 ? undefined : JSON.parse(text())) as T,
    },
    toRequest: () => {
      const sends = bytes !== null && !/^(get|head)$/i.test(method);
      return new Request(absolute, { method, headers: given.map(({ name, value }): [string, string] => [name, value]), ...(sends ? { body: bytes.slice() } : {}) });
    },
  };
}

/** The body of a handler's response, parsed as JSON; undefined without a body. Throws a SyntaxError when it is not JSON. */
export function readJson<T = unknown>(response: ExecuteResponse): T {
  const { body } = response;
  const text = body === undefined || body === null ? '' : decodeUtf8(toBytes(body, 'A response body'));
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** Storage in memory, with revisions: a `put` with an outdated one rejects with `conflict`, as on the platform. */
function memoryStorage() {
  const entries = new Map<string, StorageEntry>();
  const key = (namespace: string, name: string): string => JSON.stringify([namespace, name]);
  return {
    get: async (namespace: string, name: string): Promise<StorageEntry | null> => entries.get(key(namespace, name)) ?? null,
    async put({ namespace, key: name, value, revision }: StoragePut): Promise<StorageEntry> {
      const stored = entries.get(key(namespace, name));
      if (revision !== undefined && revision !== null && Number(revision) !== (stored?.revision ?? 0)) throw new HostError('storage.put', 'conflict');
      const entry = { namespace, key: name, value: toBytes(value, 'A stored value').slice(), revision: (stored?.revision ?? 0) + 1 };
      entries.set(key(namespace, name), entry);
      return entry;
    },
    delete: async (namespace: string, name: string): Promise<void> => void entries.delete(key(namespace, name)),
    list: async (namespace: string): Promise<StorageEntry[]> =>
      [...entries.values()].filter((entry) => entry.namespace === namespace).sort((a, b) => (a.key < b.key ? -1 : 1)),
  };
}

/** A host whose storage works, in memory, and which records log lines. `overrides` replace single functions, as in createMockHostBindings. */
export function createTestHost(overrides: MockOverrides = {}): TestHost {
  const logs: TestLogLine[] = [];
  const log = (level: LogLevel) => async (message: string, fields?: Record<string, unknown>) => {
    logs.push({ level, message, ...(fields === undefined ? {} : { fields }) });
  };
  const logging = {
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    emit: ({ level = 'info', message, fields }: { level?: LogLevel; message: string; fields?: Record<string, unknown> }) => log(level)(message, fields),
  };
  const host = createMockHostBindings({
    ...overrides,
    storage: { ...memoryStorage(), ...overrides.storage },
    logging: { ...logging, ...overrides.logging },
  });
  return { ...host, logs };
}
