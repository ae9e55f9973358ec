import { autoResize, callHandlerJson, createBridge } from '@alga-psa/extension-iframe-sdk';
import type { ScheduleInfo } from '@alga-psa/extension-runtime';
import type { Setup, Status } from '../../src/status';

const bridge = createBridge();
const element = (id: string): HTMLElement => document.getElementById(id)!;
const status = element('status');

function cell(content: string | HTMLElement): HTMLTableCellElement {
  const created = document.createElement('td');
  created.append(content);
  return created;
}

function row(schedule: ScheduleInfo): HTMLTableRowElement {
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.className = 'quiet';
  remove.textContent = 'Delete';
  remove.addEventListener('click', () => void attempt('Schedule deleted.', () => callHandlerJson(bridge, `/api/schedules/${schedule.id}`, { method: 'DELETE' })));
  const lastRun = schedule.lastRunAt ? `${schedule.lastRunStatus ?? ''} ${new Date(schedule.lastRunAt).toLocaleString()}` : 'not yet';
  const created = document.createElement('tr');
  created.append(
    cell(schedule.name ?? schedule.id),
    cell(`${schedule.endpointMethod} ${schedule.endpointPath}`),
    cell(`${schedule.cron} (${schedule.timezone})`),
    cell(lastRun),
    cell(remove),
  );
  return created;
}

function empty(): HTMLTableRowElement {
  const only = cell('No schedules yet. Create them with the button above.');
  only.colSpan = 5;
  only.className = 'muted';
  const created = document.createElement('tr');
  created.append(only);
  return created;
}

async function show(): Promise<void> {
  const [{ schedules }, { lastHeartbeat }] = await Promise.all([
    callHandlerJson<{ schedules: ScheduleInfo[] }>(bridge, '/api/schedules'),
    callHandlerJson<Status>(bridge, '/api/status'),
  ]);
  element('schedules').replaceChildren(...(schedules.length === 0 ? [empty()] : schedules.map(row)));
  const sender = schedules.find(({ id }) => id === lastHeartbeat?.scheduleId)?.name ?? (lastHeartbeat?.scheduleId ? 'a schedule' : 'a person');
  element('heartbeat').textContent = lastHeartbeat
    ? `Last heartbeat: ${new Date(lastHeartbeat.at).toLocaleString()}, sent by ${sender}.`
    : 'No heartbeat yet.';
}

/** Does the work, shows everything again, and then the message: the given one, or the text that the work returns. */
async function attempt(message: string, work: () => Promise<unknown>): Promise<void> {
  status.classList.remove('failed');
  status.textContent = 'Working …';
  try {
    const text = await work();
    await show();
    status.textContent = typeof text === 'string' ? text : message;
  } catch (error) {
    status.classList.add('failed');
    status.textContent = error instanceof Error ? error.message : String(error);
  }
}

async function setUp(): Promise<string> {
  const { created, skipped, failed } = await callHandlerJson<Setup>(bridge, '/api/setup', { method: 'POST', body: {} });
  if (failed.length > 0) throw new Error(failed.map(({ name, error }) => `${name}: ${error}`).join('; '));
  return created.length > 0 ? `Created: ${created.join(', ')}.` : `Nothing to create: ${skipped.join(', ')} exist.`;
}

element('setup').addEventListener('click', () => void attempt('', setUp));
element('send').addEventListener('click', () =>
  void attempt('Heartbeat sent.', () => callHandlerJson(bridge, '/api/heartbeat', { method: 'POST', body: { source: 'page' } })),
);
element('refresh').addEventListener('click', () => void attempt('', async () => undefined));

bridge.ready();
autoResize(bridge);
void attempt('', async () => undefined);
