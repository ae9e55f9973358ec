import { type ExecuteResponse, type Handler, type HostBindings, HostError, jsonResponse } from '@alga-psa/extension-runtime';

const loadedAt = Math.random();

async function* counting() {
  for (let n = 1; n <= 3; n++) yield n;
}

/** One function for each statement that a test proves. */
const cases: Record<string, (host: HostBindings) => Promise<unknown>> = {
  async '/random'() {
    return { math: Math.random(), uuid: crypto.randomUUID(), bytes: [...crypto.getRandomValues(new Uint8Array(8))] };
  },
  async '/async'() {
    const order: string[] = [];
    queueMicrotask(() => order.push('microtask'));
    const counted: number[] = [];
    for await (const n of counting()) counted.push(n);
    const settled = await Promise.allSettled([Promise.resolve(1), Promise.reject(new Error('no'))]);
    return { counted, order, all: await Promise.all([1, Promise.resolve(2)]), settled: settled.map((one) => one.status) };
  },
  async '/timers'() {
    const order: string[] = [];
    setTimeout(() => order.push('second'), 20);
    setTimeout(() => order.push('first'), 5);
    await new Promise((resolve) => setTimeout(resolve, 30));
    return order;
  },
  async '/globals'() {
    const url = new URL('../b?q=a%20b', 'https://EXAMPLE.com:443/x/y');
    const clone = structuredClone(new Map([['when', new Date(0)]]));
    console.warn('from the console', { x: 1 });
    return {
      href: url.href,
      q: url.searchParams.get('q'),
      text: new TextDecoder().decode(new TextEncoder().encode('é€😀')),
      base64: btoa('hi'),
      cloned: clone.get('when') instanceof Date,
      clock: Math.abs(Date.now() - new Date().getTime()) < 1000,
    };
  },
  async '/missing-secret'(host) {
    try {
      return await host.secrets.get('nothing');
    } catch (error) {
      const refused = error as HostError;
      return { real: error instanceof Error && error instanceof HostError, code: refused.code, call: refused.call, message: refused.message };
    }
  },
  async '/storage'(host) {
    const before = await host.storage.get('s', 'k');
    const first = await host.storage.putJson('s', 'k', { n: 1 });
    const second = await host.storage.put({ namespace: 's', key: 'k', value: '{"n":2}', revision: first.revision ?? null });
    for (let n = 0; n < 5; n++) await host.storage.put({ namespace: 'many', key: `k${n}`, value: String(n) });
    await host.storage.delete('s', 'never-there');
    return {
      before,
      revisions: [first.revision, second.revision],
      read: await host.storage.getJson('s', 'k'),
      keys: (await host.storage.list('many')).map((entry) => entry.key),
    };
  },
  async '/fetch'(host) {
    const answer = await host.http.fetch({ url: 'https://api.example.com/x', headers: { accept: 'text/plain' } });
    return { status: answer.status, text: answer.text(), type: answer.header('Content-Type') };
  },
  async '/user'(host) {
    return host.user.getUser();
  },
  async '/unawaited'() {
    void Promise.reject(new Error('forgotten'));
    return {};
  },
  async '/never'() {
    return new Promise(() => {});
  },
  async '/wrong-argument'(host) {
    return host.secrets.get(7 as never);
  },
};

const raw: Record<string, ExecuteResponse> = {
  '/no-headers': { status: 202 },
  '/text-body': { status: 200, body: 'schön' },
  '/object-headers': { status: 200, headers: { 'x-one': '1' }, body: new Uint8Array([0, 255]) },
  '/object-body': { status: 200, body: { not: 'allowed' } as never },
  '/bad-status': { status: 7 },
};

export default (async (req, host) => {
  if (req.http.path === '/loaded') return jsonResponse({ loadedAt });
  const answer = raw[req.http.path];
  return answer ?? jsonResponse((await cases[req.http.path]?.(host)) ?? null);
}) satisfies Handler;
