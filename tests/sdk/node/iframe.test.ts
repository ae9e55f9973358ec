import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandlerError, ProxyError, callHandlerJson, createBridge } from '../../../sdk/typescript/src/iframe/index.ts';

const ORIGIN = 'https://app.example';

/** A page's window: what is posted to the parent is kept, and the test speaks as the parent. */
function page(search = `?parentOrigin=${encodeURIComponent(ORIGIN)}`) {
  const posted: { message: any; target: string }[] = [];
  const style = new Map<string, string>();
  const listeners = new Set<(event: unknown) => void>();
  const parent = { postMessage: (message: unknown, target: string) => posted.push({ message, target }) };
  const window = {
    location: { search },
    parent,
    document: { documentElement: { style: { setProperty: (name: string, value: string) => style.set(name, value) } } },
    addEventListener: (_type: string, listener: (event: unknown) => void) => listeners.add(listener),
    removeEventListener: (_type: string, listener: (event: unknown) => void) => listeners.delete(listener),
  };
  const say = (type: string, payload: unknown, more: Record<string, unknown> = {}, event: Record<string, unknown> = {}): void => {
    const data = { alga: true, version: '1', type, payload, ...more };
    for (const listener of listeners) listener({ source: parent, origin: ORIGIN, data, ...event });
  };
  return { window: window as unknown as Window, posted, style, say };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('ready, resize and navigate are posted to the origin that the address names, and to no other', () => {
  const { window, posted } = page();
  const bridge = createBridge({ window });
  bridge.ready();
  bridge.resize(120.4);
  bridge.navigate('/x');
  assert.deepEqual(posted.map(({ message, target }) => [target, message.type, message.payload]), [
    [ORIGIN, 'ready', {}],
    [ORIGIN, 'resize', { height: 121 }],
    [ORIGIN, 'navigate', { path: '/x' }],
  ]);
  assert.ok(posted.every(({ message }) => message.alga === true && message.version === '1'));
});

test('without a known origin nothing is posted', () => {
  const { window, posted } = page('');
  assert.throws(() => createBridge({ window }).ready(), /parentOrigin/);
  assert.deepEqual(posted, []);
});

test('messages of other windows, other origins and other shapes are ignored', () => {
  const { window, say } = page();
  const bridge = createBridge({ window });
  const bootstrap = { session: { token: 'secret', expires_at: '' } };
  say('bootstrap', bootstrap, {}, { source: {} });
  say('bootstrap', bootstrap, {}, { origin: 'https://evil.example' });
  say('bootstrap', bootstrap, { alga: false });
  say('bootstrap', bootstrap, { version: '2' });
  assert.equal(bridge.getSessionToken(), null);
  say('bootstrap', bootstrap);
  assert.equal(bridge.getSessionToken(), 'secret');
});

test('theme variables are set on the document, with dashes or without', () => {
  const { window, style, say } = page();
  createBridge({ window });
  say('theme', { '--alga-bg': '#fff', 'alga-fg': '#000', broken: 3 });
  assert.deepEqual([...style], [['--alga-bg', '#fff'], ['--alga-fg', '#000']]);
});

test('callHandlerJson sends method, route, JSON and content type, and reads the JSON of the answer', async () => {
  const { window, posted, say } = page();
  const answer = callHandlerJson(createBridge({ window }), '/notes', { method: 'POST', body: { text: 'é' } });
  const [{ message }] = posted as [{ message: any; target: string }];
  assert.deepEqual(message.payload, {
    route: '/notes',
    method: 'POST',
    body: base64('{"text":"é"}'),
    headers: { 'content-type': 'application/json' },
  });
  say('apiproxy_response', { status: 201, headers: {}, body: base64('{"id":1}') }, { request_id: 'another' });
  say('apiproxy_response', { status: 201, headers: {}, body: base64('{"id":1}') }, { request_id: message.request_id });
  assert.deepEqual(await answer, { id: 1 });
});

test('a status from 400 rejects with the handler\'s own message', async () => {
  const { window, posted, say } = page();
  const answer = callHandlerJson(createBridge({ window }), '/notes');
  say('apiproxy_response', { status: 400, body: base64('{"error":"bad","message":"text must not be empty."}') }, { request_id: posted[0]!.message.request_id });
  await assert.rejects(answer, (error: HandlerError) => error instanceof HandlerError && error.status === 400 && error.message === 'text must not be empty.');
});

test('an older application\'s error without status rejects', async () => {
  const { window, posted, say } = page();
  const answer = createBridge({ window }).callProxy('/x');
  say('apiproxy_response', { error: 'Proxy error 502: down' }, { request_id: posted[0]!.message.request_id });
  await assert.rejects(answer, (error: ProxyError) => error instanceof ProxyError && error.message === 'Proxy error 502: down');
});

test('an empty answer is null, and an older one without status succeeds', async () => {
  const { window, posted, say } = page();
  const answer = callHandlerJson(createBridge({ window }), '/x', { method: 'DELETE' });
  say('apiproxy_response', {}, { request_id: posted[0]!.message.request_id });
  assert.equal(await answer, null);
});

test('GET with a body, and unknown methods, are refused before anything is posted', async () => {
  const { window, posted } = page();
  const bridge = createBridge({ window });
  await assert.rejects(callHandlerJson(bridge, '/x', { body: {} }), /GET requests cannot include a body/);
  await assert.rejects(callHandlerJson(bridge, '/x', { method: 'TRACE' }), /Unsupported method/);
  await assert.rejects(bridge.callProxy('/x', null, { method: 'TRACE' }), /Unsupported proxy method/);
  assert.deepEqual(posted, []);
});

test('a call without a response is rejected', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { window } = page();
  const answer = createBridge({ window }).callProxy('/x');
  t.mock.timers.tick(30_000);
  await assert.rejects(answer, /timed out/);
});
