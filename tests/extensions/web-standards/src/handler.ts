import { type ExecuteRequest, type HostBindings, jsonResponse } from '@alga-psa/extension-runtime';
import { exact } from './cases/exact.ts';
import { GROUPS } from './groups.ts';
import { runAll } from './run.ts';

console.log('loaded');

type Route = (req: ExecuteRequest, host: HostBindings) => unknown;

/** What only a call shows: requests, responses, and the host behind fetch. */
const ROUTES: Record<string, Route> = {
  '/response': () => {
    const headers = new Headers([['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2'], ['X-One', '1']]);
    return new Response('ü', { status: 201, headers });
  },
  '/stream': () => {
    const chunks = ['a', 'b', 'c'];
    const text = new ReadableStream<string>({ pull: (controller) => (chunks.length > 0 ? controller.enqueue(chunks.shift() as string) : controller.close()) });
    return new Response(text.pipeThrough(new TextEncoderStream()));
  },
  '/nothing': () => new Response(null, { status: 204 }),
  '/request': async (req) => {
    const request = new Request(req as never);
    const { method, url } = request;
    const { query, href, path } = req.http;
    return jsonResponse({ method, url, type: request.headers.get('content-type'), text: await request.text(), again: req.toRequest().url, query, href, path });
  },
  '/fetch': async () => {
    const response = await fetch('https://api.example.com/start', { method: 'POST', body: 'x', headers: { 'x-a': '1', authorization: 'secret' } });
    return jsonResponse({ status: response.status, url: response.url, redirected: response.redirected, text: await response.text() });
  },
  '/fetch-manual': async () => jsonResponse((await fetch('https://api.example.com/start', { redirect: 'manual' })).status),
  '/fetch-denied': async () => {
    try {
      return await fetch('https://denied.example.com/');
    } catch (error) {
      return jsonResponse({ name: (error as Error).name, message: (error as Error).message });
    }
  },
  '/bad-header-name': () => ({ status: 200, headers: { 'a b': '1' } }),
  '/bad-header-value': () => ({ status: 200, headers: { 'x-note': 'a\r\nb' } }),
};

export async function handler(req: ExecuteRequest, host: HostBindings) {
  const route = ROUTES[req.http.path];
  if (route !== undefined) return route(req, host);
  const group = req.http.query['group'] ?? '';
  return jsonResponse(await runAll(group === 'exact' ? exact(req.http.url) : (GROUPS[group] ?? {})));
}
