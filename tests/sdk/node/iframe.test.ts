import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandlerError, ProxyError, callHandlerJson, createBridge } from '../../../sdk/typescript/src/iframe/index.ts';

const ORIGIN = 'https://app.example';

/** A page's window: it records what is posted to the parent, and the test sends messages as the parent. */
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
  const send = (type: string, payload: unknown, more: Record<string, unknown> = {}, event: Record<string, unknown> = {}): void => {
    const data = { alga: true, version: '1', type, payload, ...more };
    for (const listener of listeners) listener({ source: parent, origin: ORIGIN, data, ...event });
  };
  return { window: window as unknown as Window, posted, style, send };
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
  const { window, send } = page();
  const bridge = createBridge({ window });
  const bootstrap = { session: { token: 'secret', expires_at: '' } };
  send('bootstrap', bootstrap, {}, { source: {} });
  send('bootstrap', bootstrap, {}, { origin: 'https://evil.example' });
  send('bootstrap', bootstrap, { alga: false });
  send('bootstrap', bootstrap, { version: '2' });
  assert.equal(bridge.getSessionToken(), null);
  send('bootstrap', bootstrap);
  assert.equal(bridge.getSessionToken(), 'secret');
});

test('theme variables are set on the document, with dashes or without', () => {
  const { window, style, send } = page();
  createBridge({ window });
  send('theme', { '--alga-bg': '#fff', 'alga-fg': '#000', broken: 3 });
  assert.deepEqual([...style], [['--alga-bg', '#fff'], ['--alga-fg', '#000']]);
});

test('callHandlerJson sends method, route, JSON and content type, and reads the JSON of the response', async () => {
  const { window, posted, send } = page();
  const response = callHandlerJson(createBridge({ window }), '/notes', { method: 'POST', body: { text: 'é' } });
  const [{ message }] = posted as [{ message: any; target: string }];
  assert.deepEqual(message.payload, {
    route: '/notes',
    method: 'POST',
    body: base64('{"text":"é"}'),
    headers: { 'content-type': 'application/json' },
  });
  send('apiproxy_response', { status: 201, headers: {}, body: base64('{"id":1}') }, { request_id: 'another' });
  send('apiproxy_response', { status: 201, headers: {}, body: base64('{"id":1}') }, { request_id: message.request_id });
  assert.deepEqual(await response, { id: 1 });
});

test('a status from 400 rejects with the handler\'s own message', async () => {
  const { window, posted, send } = page();
  const response = callHandlerJson(createBridge({ window }), '/notes');
  send('apiproxy_response', { status: 400, body: base64('{"error":"bad","message":"text must not be empty."}') }, { request_id: posted[0]!.message.request_id });
  await assert.rejects(response, (error: HandlerError) => error instanceof HandlerError && error.status === 400 && error.message === 'text must not be empty.');
});

test('an older application\'s error without status rejects', async () => {
  const { window, posted, send } = page();
  const response = createBridge({ window }).callProxy('/x');
  send('apiproxy_response', { error: 'Proxy error 502: down' }, { request_id: posted[0]!.message.request_id });
  await assert.rejects(response, (error: ProxyError) => error instanceof ProxyError && error.message === 'Proxy error 502: down');
});

test('an empty response is null, and an older one without status succeeds', async () => {
  const { window, posted, send } = page();
  const response = callHandlerJson(createBridge({ window }), '/x', { method: 'DELETE' });
  send('apiproxy_response', {}, { request_id: posted[0]!.message.request_id });
  assert.equal(await response, null);
});

test('GET with a body, and unknown methods, are rejected before anything is posted', async () => {
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
  const response = createBridge({ window }).callProxy('/x');
  t.mock.timers.tick(30_000);
  await assert.rejects(response, /timed out/);
});
