// A host for unit tests of handlers. It returns plausible values; a function that a test must provide rejects.
import { decodeUtf8, toBytes } from './bytes.ts';
import type { HostBindings, StorageHost } from './host.ts';
import type { StorageEntry } from './types.ts';

/** The functions to replace, by subject. */
export type MockOverrides = { [K in keyof HostBindings]?: Partial<HostBindings[K]> };

const notImplemented = (name: string) => async (): Promise<never> => {
  throw new Error(`mock ${name} not implemented`);
};

/** A storage that is always empty; override `storage` to store something. */
function storage(): StorageHost {
  const host: StorageHost = {
    get: async () => null,
    put: async ({ namespace, key, value }): Promise<StorageEntry> => ({ namespace, key, value: toBytes(value, 'A stored value'), revision: 1 }),
    delete: async () => undefined,
    list: async () => [],
    async getJson<T>(this: StorageHost, namespace: string, key: string) {
      const entry = await this.get(namespace, key);
      return entry === null ? null : (JSON.parse(decodeUtf8(entry.value)) as T);
    },
    async putJson(this: StorageHost, namespace, key, value, options = {}) {
      return this.put({ namespace, key, value: JSON.stringify(value), revision: options.revision ?? null });
    },
  };
  return host;
}

function defaults(): HostBindings {
  const print = (level: string) => async (message: string, fields?: Record<string, unknown>) => {
    console.log('[mock logging]', level, message, ...(fields === undefined ? [] : [fields]));
  };
  const page = async () => ({ items: [], totalCount: 0, page: 1, pageSize: 25 });
  return {
    context: { get: async () => ({ tenantId: 'tenant-mock', extensionId: 'extension-mock', requestId: 'req-mock' }) },
    secrets: { get: notImplemented('secrets.get'), list: async () => [] },
    http: { fetch: notImplemented('http.fetch') },
    storage: storage(),
    logging: {
      info: print('info'),
      warn: print('warn'),
      error: print('error'),
      emit: ({ level = 'info', message, fields }) => print(level)(message, fields),
    },
    uiProxy: { callRoute: notImplemented('uiProxy.callRoute'), call: notImplemented('uiProxy.call') },
    scheduler: {
      list: async () => [],
      get: async () => null,
      create: notImplemented('scheduler.create'),
      update: notImplemented('scheduler.update'),
      delete: notImplemented('scheduler.delete'),
      getEndpoints: async () => [],
    },
    invoicing: { createManualInvoice: notImplemented('invoicing.createManualInvoice') },
    user: {
      getUser: async () => ({
        tenantId: 'tenant-mock',
        clientName: 'Mock Client',
        userId: 'user-mock',
        userEmail: 'mock@example.com',
        userName: 'Mock User',
        userType: 'client',
        clientId: 'client-mock',
        additionalFields: { locale: 'en-US' },
      }),
    },
    clients: { list: page, get: async () => null },
    services: { list: page, get: async () => null },
  };
}

/** A mock host. `overrides` replace single functions. `uiProxy.call` and `uiProxy.callRoute` are one function: override either. */
export function createMockHostBindings(overrides: MockOverrides = {}): HostBindings {
  const host = defaults();
  for (const name of Object.keys(overrides) as (keyof HostBindings)[]) {
    Object.assign(host[name], overrides[name]);
  }
  const { call, callRoute } = overrides.uiProxy ?? {};
  if (callRoute !== undefined && call === undefined) host.uiProxy.call = callRoute;
  if (call !== undefined && callRoute === undefined) host.uiProxy.callRoute = call;
  return host;
}
