// Calls the host function that the path names, with the body as its input. `?burn=N` makes N other host calls first. Answers `{ok: value}`, or
// `{error: code}` for a HostError, or `{error: 'TypeError'}` for input that the SDK refuses. Values are reduced to what the tests compare.
import user from 'alga:extension/user';
import { HostError, jsonResponse } from '@holdfast/sdk';
import type { ExecuteRequest, Handler, HostBindings } from '@holdfast/sdk';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Input = any;

const text = (bytes: Uint8Array | null | undefined): string => new TextDecoder().decode(bytes ?? new Uint8Array());

function oldUser(): unknown {
  try {
    return user['getUser']!().userName;
  } catch (error) {
    const { payload } = error as { payload?: string };
    if (payload === undefined) throw error;
    throw new HostError('user.get-user', payload);
  }
}

const FUNCTIONS: Record<string, (host: HostBindings, input: Input) => unknown> = {
  'context.get-context': (host) => host.context.get(),
  'secrets.get': (host, { key }) => host.secrets.get(key),
  'secrets.list-keys': (host) => host.secrets.list(),
  'http.fetch': async (host, { url }) => (await host.http.fetch({ url })).text(),
  'storage.put': async (host, { namespace, key, value, revision }) => (await host.storage.put({ namespace, key, value, revision })).revision,
  'storage.get': async (host, { namespace, key }) => {
    const entry = await host.storage.get(namespace, key);
    return entry && text(entry.value);
  },
  'storage.list-entries': async (host, { namespace }) => (await host.storage.list(namespace)).map((entry) => entry.key),
  'storage.delete': async (host, { namespace, key }) => (await host.storage.delete(namespace, key)) ?? null,
  'logging.log-info': async (host, { message, fields }) => (await host.logging.info(message, fields)) ?? null,
  'logging.log-warn': async (host, { message, fields }) => (await host.logging.warn(message, fields)) ?? null,
  'logging.log-error': async (host, { message, fields }) => (await host.logging.error(message, fields)) ?? null,
  'ui-proxy.call-route': async (host, { route, payload }) =>
    Object.keys(JSON.parse(text(await host.uiProxy.callRoute(route, payload && new TextEncoder().encode(payload))))),
  'user.get-user': oldUser,
  'user-v2.get-user': async (host) => (await host.user.getUser()).userName,
  'scheduler.create-schedule': (host, input) => host.scheduler.create(input),
  'scheduler.get-schedule': async (host, { id }) => (await host.scheduler.get(id))?.cron ?? null,
  'scheduler.list-schedules': async (host) => (await host.scheduler.list()).length,
  'scheduler.update-schedule': (host, { id, ...input }) => host.scheduler.update(id, input),
  'scheduler.delete-schedule': (host, { id }) => host.scheduler.delete(id),
  'scheduler.get-endpoints': async (host) => (await host.scheduler.getEndpoints()).map((one) => one.path),
  'invoicing.create-manual-invoice': (host, input) => host.invoicing.createManualInvoice(input),
  'clients.list-clients': async (host, input) => (await host.clients.list(input)).items.map((one) => one.clientName),
  'clients.get-client': async (host, { id }) => (await host.clients.get(id))?.clientName ?? null,
  'services.list-services': async (host, input) => (await host.services.list(input)).items.map((one) => one.serviceName),
  'services.get-service': async (host, { id }) => (await host.services.get(id))?.serviceName ?? null,
};

/** A schedule gets no response: the tests read the answer in the log. */
async function answer(req: ExecuteRequest, host: HostBindings, value: unknown) {
  if (req.context.trigger !== undefined) await host.logging.info(`answer ${JSON.stringify(value)}`);
  return jsonResponse(value);
}

export const handler: Handler = async (req, host) => {
  for (let n = Number(req.http.query['burn'] ?? 0); n > 0; n--) await host.context.get();
  try {
    const call = FUNCTIONS[req.http.path.slice(1)]!;
    return await answer(req, host, { ok: await call(host, req.http.json()) });
  } catch (error) {
    if (error instanceof HostError) return answer(req, host, { error: error.code });
    if (error instanceof TypeError) return jsonResponse({ error: 'TypeError', message: error.message });
    throw error;
  }
};
