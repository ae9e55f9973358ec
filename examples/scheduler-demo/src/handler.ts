import { type ExecuteRequest, type ExecuteResponse, type Handler, type HostBindings, jsonResponse } from '@alga-psa/extension-runtime';
import { createMissing } from './schedules';
import type { Heartbeat, Status } from './status';

const NAMESPACE = 'heartbeats';
const LATEST = 'latest';

function problem(status: number, error: string, message: string): ExecuteResponse {
  return jsonResponse({ error, message }, { status });
}

async function showStatus(host: HostBindings): Promise<ExecuteResponse> {
  const schedules = await host.scheduler.list();
  const status: Status = { ok: true, schedules: schedules.length, lastHeartbeat: await host.storage.getJson<Heartbeat>(NAMESPACE, LATEST) };
  return jsonResponse(status);
}

async function setUp(host: HostBindings): Promise<ExecuteResponse> {
  const setup = await createMissing(host.scheduler);
  await host.logging.info('Schedules set up', { created: setup.created.length, failed: setup.failed.length });
  return jsonResponse(setup, { status: setup.failed.length === 0 ? 200 : 207 });
}

async function listSchedules(host: HostBindings): Promise<ExecuteResponse> {
  const schedules = await host.scheduler.list();
  return jsonResponse({ count: schedules.length, schedules });
}

async function deleteSchedule(id: string, host: HostBindings): Promise<ExecuteResponse> {
  if ((await host.scheduler.get(id)) === null) return problem(404, 'not_found', 'There is no such schedule.');
  const { success, error } = await host.scheduler.delete(id);
  return success ? jsonResponse({ deleted: id }) : problem(400, 'delete_failed', error ?? 'The schedule could not be deleted.');
}

/** A repeated call stores the same entry again, so a retry does no harm. */
async function receiveHeartbeat(req: ExecuteRequest, host: HostBindings): Promise<ExecuteResponse> {
  let payload: unknown;
  try {
    payload = req.http.json() ?? null;
  } catch {
    return problem(400, 'invalid_request', 'The body is not valid JSON.');
  }
  const heartbeat: Heartbeat = { at: new Date().toISOString(), scheduleId: req.context.scheduleId ?? null, payload };
  await host.storage.putJson(NAMESPACE, LATEST, heartbeat);
  await host.logging.info('Heartbeat received', { scheduleId: heartbeat.scheduleId });
  return jsonResponse(heartbeat);
}

export const handler: Handler = async (req, host) => {
  const { method, path } = req.http;
  switch (`${method} ${path}`) {
    case 'GET /api/status':
      return showStatus(host);
    case 'POST /api/setup':
      return setUp(host);
    case 'GET /api/schedules':
      return listSchedules(host);
    case 'POST /api/heartbeat':
      return receiveHeartbeat(req, host);
  }
  const id = /^\/api\/schedules\/([^/]+)$/.exec(path)?.[1];
  if (id !== undefined && method === 'DELETE') return deleteSchedule(id, host);
  return problem(404, 'not_found', `There is no ${method} ${path}.`);
};
