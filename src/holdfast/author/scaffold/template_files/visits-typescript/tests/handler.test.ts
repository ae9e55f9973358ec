import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestHost, createTestRequest, readJson } from '@holdfast/sdk/testing';
import { handler } from '../src/handler';

test('a visit is counted, stored and logged', async () => {
  const host = createTestHost();
  assert.deepEqual(readJson(await handler(createTestRequest('GET', '/visits'), host)), { visits: 0 });
  assert.deepEqual(readJson(await handler(createTestRequest('POST', '/visits'), host)), { visits: 1 });
  assert.deepEqual(readJson(await handler(createTestRequest('GET', '/visits'), host)), { visits: 1 });
  assert.deepEqual(host.logs, [{ level: 'info', message: 'Visit counted', fields: { visits: 1 } }]);
});

test('another path is not found', async () => {
  const response = await handler(createTestRequest('GET', '/other'), createTestHost());
  assert.equal(response.status, 404);
});
