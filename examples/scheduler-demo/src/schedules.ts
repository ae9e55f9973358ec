// The schedules that this extension wants, and how it creates those that are missing.
import type { CreateScheduleInput, SchedulerHost } from '@alga-psa/extension-runtime';
import type { Setup } from './status';

const WANTED: (CreateScheduleInput & { name: string })[] = [
  { name: 'Heartbeat Check', endpoint: '/api/heartbeat', cron: '*/5 * * * *', timezone: 'UTC', payload: { source: 'Heartbeat Check' } },
  { name: 'Daily Status Check', endpoint: '/api/status', cron: '0 9 * * *', timezone: 'America/New_York' },
];

/** Creates the wanted schedules, except those whose name exists. Calling it again changes nothing. */
export async function createMissing(scheduler: SchedulerHost): Promise<Setup> {
  const existing = new Set((await scheduler.list()).map(({ name }) => name));
  const setup: Setup = { created: [], skipped: [], failed: [] };
  for (const wanted of WANTED) {
    if (existing.has(wanted.name)) {
      setup.skipped.push(wanted.name);
      continue;
    }
    const { success, error, fieldErrors } = await scheduler.create(wanted);
    if (success) setup.created.push(wanted.name);
    else setup.failed.push({ name: wanted.name, error: error ?? 'unknown', fieldErrors: fieldErrors ?? {} });
  }
  return setup;
}
