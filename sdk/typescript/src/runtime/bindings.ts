// The host functions, implemented with the WIT world `alga:extension/runner`.
import context from 'alga:extension/context';
import secrets from 'alga:extension/secrets';
import uiProxy from 'alga:extension/ui-proxy';
import userV2 from 'alga:extension/user-v2';
import { toBytes } from '../bytes.ts';
import type { HostBindings } from '../host.ts';
import type { UserDataWire } from '../types.ts';
import { normalizeUserData } from '../user.ts';
import { attempt, text } from './calls.ts';
import { callContext, httpHost } from './http.ts';
import { loggingHost } from './logging.ts';
import { clientsHost, invoicingHost, servicesHost } from './records.ts';
import { schedulerHost } from './scheduler.ts';
import { storageHost } from './storage.ts';

async function callRoute(route: string, payload?: Uint8Array | null): Promise<Uint8Array> {
  const bytes = payload == null ? null : toBytes(payload, 'A route payload');
  return attempt('uiProxy.callRoute', () => uiProxy['callRoute']!(text(route, 'route'), bytes)) as Uint8Array;
}

export const bindings: HostBindings = {
  context: {
    async get() {
      // The ids are those of the request. A call that is over its quota would get empty ones from the host.
      attempt('context.get', () => context['getContext']!());
      return { ...callContext };
    },
  },
  secrets: {
    async get(key) {
      return attempt('secrets.get', () => secrets['get']!(text(key, 'key')));
    },
    async list() {
      return attempt('secrets.list', () => secrets['listKeys']!());
    },
  },
  user: {
    async getUser() {
      return normalizeUserData(attempt('user.getUser', () => userV2['getUser']!()) as UserDataWire);
    },
  },
  uiProxy: { callRoute, call: callRoute },
  http: httpHost,
  storage: storageHost,
  logging: loggingHost,
  scheduler: schedulerHost,
  invoicing: invoicingHost,
  clients: clientsHost,
  services: servicesHost,
};
