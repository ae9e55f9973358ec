// A host for unit tests of handlers: answers plausibly, and refuses what a test must provide itself.
import { decodeUtf8, toBytes } from './bytes.ts';
import type { HostBindings, StorageHost } from './host.ts';
import type { StorageEntry } from './types.ts';

/** Per capability, the functions to replace. */
export type MockOverrides = { [K in keyof HostBindings]?: Partial<HostBindings[K]> };

const refuse = (name: string) => async (): Promise<never> => {
  throw new Error(`mock ${name} not implemented`);
};

/** Keeps nothing, as handlers' tests expect; override `storage` to keep something. */
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
    secrets: { get: refuse('secrets.get'), list: async () => [] },
    http: { fetch: refuse('http.fetch') },
    storage: storage(),
    logging: {
      info: print('info'),
      warn: print('warn'),
      error: print('error'),
      emit: ({ level = 'info', message, fields }) => print(level)(message, fields),
    },
    uiProxy: { callRoute: refuse('uiProxy.callRoute'), call: refuse('uiProxy.call') },
    scheduler: {
      list: async () => [],
      get: async () => null,
      create: refuse('scheduler.create'),
      update: refuse('scheduler.update'),
      delete: refuse('scheduler.delete'),
      getEndpoints: async () => [],
    },
    invoicing: { createManualInvoice: refuse('invoicing.createManualInvoice') },
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

/** A mock host. `overrides` replace single functions; of uiProxy's two names, one given serves for both. */
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
