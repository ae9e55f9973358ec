import { bytes, hex } from '../run.ts';
import type { Cases } from '../run.ts';

const post = (body: BodyInit, headers?: HeadersInit) => new Request('http://x.test/a?b=1', { method: 'post', body, ...(headers ? { headers } : {}) });

export const fetching: Cases = {
  'headers'() {
    const headers = new Headers({ 'X-B': ' 2 ', 'x-a': '1' });
    headers.append('X-A', '3');
    headers.append('Set-Cookie', 'a=1');
    headers.append('set-cookie', 'b=2');
    headers.delete('none');
    return [[...headers], headers.get('x-A'), headers.getSetCookie(), headers.has('X-b'), headers.get('none')];
  },
  'headers of lists': () => [[...new Headers([['b', '1'], ['a', '2'], ['b', '3']])], [...new Headers(new Headers({ q: '1' }))], [...new Headers(new Map([['m', '1']]) as never)]],
  'a bad header name': () => new Headers({ 'a b': '1' }),
  'a bad header value': () => new Headers({ a: 'x\ny' }),
  'set replaces the first': () => { const headers = new Headers([['a', '1'], ['b', '2'], ['a', '3']]); headers.set('A', '4'); return [...headers]; },
  async 'a response'() {
    const response = new Response('héllo', { status: 201, statusText: 'Made', headers: { 'x-a': '1' } });
    const copy = response.clone();
    return [response.status, response.statusText, response.ok, [...response.headers], response.type, response.url, await response.text(), response.bodyUsed, await copy.text()];
  },
  'json': async () => { const response = Response.json({ a: [1] }, { status: 202 }); return [response.status, response.headers.get('content-type'), await response.json()]; },
  'redirect': () => { const response = Response.redirect('http://x.test/ä', 307); return [response.status, response.headers.get('location')]; },
  'a bad redirect': () => Response.redirect('http://x.test', 200),
  'error': () => [Response.error().status, Response.error().type],
  'a bad status': () => new Response('', { status: 99 }),
  'a body with 204': () => new Response('x', { status: 204 }),
  async 'a body read twice'() { const response = new Response('x'); await response.text(); return response.text(); },
  'no body': async () => { const response = new Response(); return [response.body, await response.text(), response.bodyUsed]; },
  'kinds of bodies': () => Promise.all([bytes('ü'), bytes('ü').buffer, new Blob(['ü'], { type: 'text/x' }), new URLSearchParams({ a: 'ü b' }), 'ü', new DataView(bytes('xü').buffer, 1)].map(async (body) => {
    const response = new Response(body as BodyInit);
    return [response.headers.get('content-type'), hex(await response.arrayBuffer())];
  })),
  async 'a stream as body'() {
    const stream = new ReadableStream({ start(controller) { controller.enqueue(bytes('ab')); controller.enqueue(bytes('c')); controller.close(); } });
    const response = new Response(stream);
    const copy = response.clone();
    return [await response.text(), await copy.text(), response.headers.get('content-type')];
  },
  async 'the body as a stream'() {
    const seen: number[] = [];
    const response = new Response('abc');
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) seen.push(...chunk);
    return [seen, response.bodyUsed];
  },
  'invalid json': async () => new Response('{').json(),
  'a mark is dropped from text': async () => (await new Response(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)).text()).length,
  async 'a request'() {
    const request = post('x', { 'X-A': '1' });
    const copy = new Request(request.clone(), { method: 'PUT' });
    return [request.method, request.url, [...request.headers], await request.text(), copy.method, await copy.text(), request.redirect, request.signal.aborted];
  },
  'methods': () => ['get', 'pAtch', 'delete', 'Custom'].map((method) => new Request('http://x.test', { method }).method),
  'a body with GET': () => new Request('http://x.test', { body: 'x' }),
  'a bad method': () => new Request('http://x.test', { method: 'a b' }),
  'TRACE': () => new Request('http://x.test', { method: 'trace' }),
  'credentials in the URL': () => new Request('http://a:b@x.test'),
  'a bad URL': () => new Request('nowhere'),
  'an aborted request': () => { const controller = new AbortController(); const request = new Request('http://x.test', { signal: controller.signal }); controller.abort(); return request.signal.aborted; },
  async 'forms'() {
    const form = new FormData();
    form.append('name', 'Müller');
    form.append('file', new File(['a\r\n--b'], 'ü "q".txt', { type: 'text/plain', lastModified: 5 }));
    form.append('file', new Blob([Uint8Array.of(0, 255, 13, 10)]), 'raw.bin');
    form.set('name', 'Meier');
    const read = await post(form).formData();
    const files = read.getAll('file') as File[];
    return [read.get('name'), files.map((file) => [file.name, file.type, file.size]), await (files[0] as File).text(), hex(await (files[1] as File).arrayBuffer()), [...read.keys()], read.has('x')];
  },
  async 'a form with an empty value'() { const form = new FormData(); form.append('a', ''); form.append('b', 'x\ny'); const read = await post(form).formData(); return [read.get('a'), read.get('b')]; },
  'a form in a URL': async () => [...(await post(new URLSearchParams('a=1&b=ü+x')).formData())],
  'what is no form': async () => post('x').formData(),
  async 'blobs'() {
    const blob = new Blob(['hé', Uint8Array.of(1, 2), new Blob(['x'])], { type: 'Text/Plain' });
    const part = blob.slice(1, 3);
    return [blob.size, blob.type, await part.text(), blob.slice(-1).size, blob.slice(5, 2).size, hex(await blob.arrayBuffer()), (await new Response(blob.stream()).text()).length];
  },
  'files': () => { const file = new File(['x'], 'a.txt', { lastModified: 7 }); return [file.name, file.size, file.lastModified, file instanceof Blob, Object.prototype.toString.call(file)]; },
  'a request as a blob': async () => (await post('x', { 'content-type': 'text/css' }).blob()).type,
};
