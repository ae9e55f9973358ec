import { getContext } from 'alga:extension/context';
import { get, put } from 'alga:extension/storage';

const NAMESPACE = 'soak';
const toBytes = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const toText = (bytes) => String.fromCharCode(...bytes);

// `GET /echo/N` tells where it ran; `POST /records/K` stores K under K, `GET /records/K` reads it. A host error is a 503 with its case.
export function handler(request) {
  const { method, url } = request.http;
  const [, kind, name] = url.split('/');
  const { tenantId, extensionId } = getContext();
  let stored = null;
  try {
    if (kind === 'records' && method === 'POST') {
      put({ namespace: NAMESPACE, key: name, value: toBytes(`"${name}"`), revision: undefined });
      stored = name;
    } else if (kind === 'records') {
      stored = JSON.parse(toText(get(NAMESPACE, name).value));
    }
  } catch (error) {
    return { status: 503, headers: [], body: toBytes(JSON.stringify({ error: 'storage', case: String(error?.payload ?? error) })) };
  }
  const body = toBytes(JSON.stringify({ tenantId, extensionId, name, stored }));
  return { status: 200, headers: [{ name: 'content-type', value: 'application/json' }], body };
}
