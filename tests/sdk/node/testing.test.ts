import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostError, emptyResponse, jsonResponse } from '../../../sdk/typescript/src/index.ts';
import { createTestHost, createTestRequest, readJson } from '../../../sdk/typescript/src/testing.ts';

test('a request has path, headers and body as a handler receives them', () => {
  const { http, context } = createTestRequest('post', '/notes?x=1#top', { body: { text: 'é' }, headers: { 'X-A': '1' }, context: { tenantId: 't' } });
  assert.deepEqual([http.method, http.url, http.path], ['POST', '/notes?x=1#top', '/notes']);
  assert.deepEqual(http.json(), { text: 'é' });
  assert.deepEqual(http.headers, [{ name: 'X-A', value: '1' }, { name: 'content-type', value: 'application/json' }]);
  assert.deepEqual([context.tenantId, context.config], ['t', {}]);
});

test('text and bytes are sent as they are, and a request without a body has none', () => {
  assert.equal(createTestRequest('PUT', '/', { body: '{"a":1}' }).http.text(), '{"a":1}');
  assert.deepEqual(createTestRequest('PUT', '/', { body: new Uint8Array([0, 255]) }).http.body, new Uint8Array([0, 255]));
  const { http } = createTestRequest('GET', '/a');
  assert.deepEqual([http.body, http.text(), http.json(), http.headers], [null, '', undefined, []]);
});

test('the storage of a test host keeps values, lists them in order, and rejects an outdated revision', async () => {
  const { storage } = createTestHost();
  assert.equal(await storage.get('a', 'x'), null);
  await storage.putJson('a', 'y', { n: 2 });
  const first = await storage.putJson('a', 'x', { n: 1 });
  await storage.putJson('b', 'x', { n: 3 });
  assert.deepEqual(await storage.getJson('a', 'x'), { n: 1 });
  assert.deepEqual((await storage.list('a')).map((entry) => entry.key), ['x', 'y']);
  await storage.put({ namespace: 'a', key: 'x', value: '2', revision: first.revision! });
  await assert.rejects(storage.put({ namespace: 'a', key: 'x', value: '3', revision: first.revision! }), (error) => error instanceof HostError && error.code === 'conflict');
  await storage.delete('a', 'x');
  assert.equal(await storage.getJson('a', 'x'), null);
});

test('log lines are recorded, and overrides replace single functions', async () => {
  const host = createTestHost({ secrets: { get: async (key) => `value of ${key}` }, storage: { list: async () => [] } });
  await host.logging.info('one', { n: 1 });
  await host.logging.emit({ message: 'two', level: 'debug' });
  assert.deepEqual(host.logs, [{ level: 'info', message: 'one', fields: { n: 1 } }, { level: 'debug', message: 'two' }]);
  assert.equal(await host.secrets.get('greeting'), 'value of greeting');
  await host.storage.putJson('a', 'x', 1);
  assert.deepEqual([await host.storage.getJson('a', 'x'), await host.storage.list('a')], [1, []]);
});

test('readJson reads the body of a response', () => {
  assert.deepEqual(readJson(jsonResponse({ ok: true })), { ok: true });
  assert.deepEqual(readJson({ status: 200, body: '[1]' }), [1]);
  assert.equal(readJson(emptyResponse()), undefined);
});
