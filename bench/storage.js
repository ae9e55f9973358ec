import { get, put } from 'alga:extension/storage';

const NAMESPACE = 'measure';
const value = Uint8Array.from('{"text":"a note of some length, as extensions store them","done":false}', (c) => c.charCodeAt(0));

// `/put` writes one of a thousand records, `/get` reads one of them, `/put-new` adds a record.
export function handler(request) {
  const { url } = request.http;
  const key = url === '/put-new' ? `new-${Math.random()}` : `record-${Math.floor(Math.random() * 1000)}`;
  if (url === '/get') {
    get(NAMESPACE, key);
  } else {
    put({ namespace: NAMESPACE, key, value, revision: undefined });
  }
  return { status: 200, headers: [], body: undefined };
}
