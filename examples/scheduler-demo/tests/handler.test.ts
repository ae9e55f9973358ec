import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateScheduleInput, ScheduleInfo } from '@holdfast/sdk';
import { createTestHost, createTestRequest, readJson } from '@holdfast/sdk/testing';
import { handler } from '../src/handler';
import type { Setup, Status } from '../src/status';

/** A host that keeps schedules in memory, and refuses those of an endpoint in `refused`. */
function hostWithSchedules(refused: string[] = []) {
  const schedules = new Map<string, ScheduleInfo>();
  return createTestHost({
    scheduler: {
      list: async () => [...schedules.values()],
      get: async (id) => schedules.get(id) ?? null,
      delete: async (id) => ({ success: schedules.delete(id) }),
      create: async ({ endpoint, cron, name, timezone }: CreateScheduleInput) => {
        if (refused.includes(endpoint)) return { success: false, error: 'Validation failed', fieldErrors: { endpoint: 'Endpoint not found' } };
        const id = `schedule-${schedules.size + 1}`;
        schedules.set(id, { id, endpointPath: endpoint, endpointMethod: 'POST', name, cron, timezone: timezone ?? 'UTC', enabled: true });
        return { success: true, scheduleId: id };
      },
    },
  });
}

test('setup creates what is missing, and nothing a second time', async () => {
  const host = hostWithSchedules();
  const names = ['Heartbeat Check', 'Daily Status Check'];
  const first = await handler(createTestRequest('POST', '/api/setup'), host);
  assert.deepEqual(readJson(first), { created: names, skipped: [], failed: [] });
  const second = await handler(createTestRequest('POST', '/api/setup'), host);
  assert.deepEqual(readJson(second), { created: [], skipped: names, failed: [] });
  const listed = readJson<{ count: number; schedules: ScheduleInfo[] }>(await handler(createTestRequest('GET', '/api/schedules'), host));
  assert.deepEqual([listed.count, listed.schedules.map(({ name }) => name)], [2, names]);
});

test('setup says which schedule was refused', async () => {
  const response = await handler(createTestRequest('POST', '/api/setup'), hostWithSchedules(['/api/status']));
  assert.equal(response.status, 207);
  const fieldErrors = { endpoint: 'Endpoint not found' };
  assert.deepEqual(readJson<Setup>(response).failed, [{ name: 'Daily Status Check', error: 'Validation failed', fieldErrors }]);
});

test('a schedule is deleted once', async () => {
  const host = hostWithSchedules();
  await handler(createTestRequest('POST', '/api/setup'), host);
  const answers = [];
  for (let time = 0; time < 2; time += 1) answers.push((await handler(createTestRequest('DELETE', '/api/schedules/schedule-1'), host)).status);
  assert.deepEqual(answers, [200, 404]);
});

test('the status has the last heartbeat and who sent it', async () => {
  const host = hostWithSchedules();
  const context = { trigger: 'schedule', scheduleId: 'schedule-1' };
  await handler(createTestRequest('POST', '/api/heartbeat', { body: { source: 'test' }, context }), host);
  const { lastHeartbeat } = readJson<Status>(await handler(createTestRequest('GET', '/api/status'), host));
  assert.equal(lastHeartbeat?.scheduleId, 'schedule-1');
  assert.deepEqual(lastHeartbeat?.payload, { source: 'test' });
});

test('unknown routes are 404, a broken body is 400', async () => {
  assert.equal((await handler(createTestRequest('GET', '/api/other'), hostWithSchedules())).status, 404);
  assert.equal((await handler(createTestRequest('POST', '/api/heartbeat', { body: '{' }), hostWithSchedules())).status, 400);
});
