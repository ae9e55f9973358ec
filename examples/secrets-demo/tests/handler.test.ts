import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostError } from '@holdfast/sdk';
import { createTestHost, createTestRequest, readJson } from '@holdfast/sdk/testing';
import { handler } from '../src/handler';

const withSecret = () => createTestHost({ secrets: { get: async () => 'Welcome' } });
const failing = (code: string) =>
  createTestHost({
    secrets: {
      get: async () => {
        throw new HostError('secrets.get', code);
      },
    },
  });

test('the greeting has the secret and the setting', async () => {
  const request = createTestRequest('GET', '/api/greeting', { context: { config: { audience: 'Ada' } } });
  const response = await handler(request, withSecret());
  assert.equal(response.status, 200);
  assert.deepEqual(readJson(response), { message: 'Welcome, Ada!', path: '/api/greeting', config: { audience: 'Ada' }, build: '0.1.0' });
});

test('the log names the secret and does not have its value', async () => {
  const host = withSecret();
  await handler(createTestRequest('GET', '/api/greeting'), host);
  assert.deepEqual(host.logs, [{ level: 'info', message: 'Greeting sent', fields: { secret: 'greeting' } }]);
});

test('a missing secret is 404, another failure 500', async () => {
  for (const [code, status, error] of [['missing', 404, 'secret_missing'], ['denied', 500, 'secret_error']] as const) {
    const response = await handler(createTestRequest('GET', '/api/greeting'), failing(code));
    assert.equal(response.status, status);
    assert.equal(readJson<{ error: string }>(response).error, error);
  }
});
