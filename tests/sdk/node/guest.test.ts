import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  callProxyJson,
  createMockHostBindings,
  emptyResponse,
  header,
  jsonResponse,
  normalizeUserData,
  textResponse,
} from '../../../sdk/typescript/src/index.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test('jsonResponse encodes values, passes bytes, and lets init replace status and headers', () => {
  const made = jsonResponse({ a: 'é' });
  assert.deepEqual([made.status, made.headers, text(made.body)], [200, [{ name: 'content-type', value: 'application/json' }], '{"a":"é"}']);
  assert.equal(text(jsonResponse(Buffer.from('[1]')).body), '[1]');
  assert.deepEqual(jsonResponse(null, { status: 201, headers: { 'x-a': '1' } }).headers, [{ name: 'x-a', value: '1' }]);
});

test('emptyResponse and textResponse', () => {
  assert.deepEqual(emptyResponse(), { status: 204, headers: [], body: null });
  assert.equal(text(textResponse('hi').body), 'hi');
  assert.equal(header(textResponse('hi'), 'Content-Type'), 'text/plain; charset=utf-8');
});

test('normalizeUserData makes an object of pairs', () => {
  const wire = { tenantId: 't', clientName: 'c', userId: 'u', userEmail: 'e', userName: 'n', userType: 'internal' };
  assert.deepEqual(normalizeUserData({ ...wire, additionalFields: [['a', '1']] }).additionalFields, { a: '1' });
  assert.equal(normalizeUserData(wire).additionalFields, undefined);
});

test('callProxyJson sends and reads JSON, and an empty response is undefined', async () => {
  const sent: unknown[] = [];
  const callRoute = async (route: string, payload?: Uint8Array | null) => {
    sent.push([route, payload == null ? null : text(payload)]);
    return new Uint8Array(Buffer.from(route === '/empty' ? '' : '{"ok":true}'));
  };
  assert.deepEqual(await callProxyJson({ callRoute }, '/a', { q: 1 }), { ok: true });
  assert.equal(await callProxyJson({ call: callRoute }, '/empty'), undefined);
  assert.deepEqual(sent, [['/a', '{"q":1}'], ['/empty', null]]);
  await assert.rejects(callProxyJson({}, '/a'), /does not implement callRoute/);
});

test('the mock host returns plausible values, rejects what a test must provide, and accepts single overrides', async () => {
  const host = createMockHostBindings({ secrets: { get: async () => 'given' }, uiProxy: { call: async () => new Uint8Array([1]) } });
  assert.equal(await host.secrets.get('x'), 'given');
  assert.deepEqual(await host.secrets.list(), []);
  assert.deepEqual([...(await host.uiProxy.callRoute('/x'))], [1]);
  assert.equal((await host.user.getUser()).additionalFields?.['locale'], 'en-US');
  assert.equal(await host.storage.getJson('n', 'k'), null);
  await assert.rejects(createMockHostBindings().secrets.get('x'), /mock secrets.get not implemented/);
});
