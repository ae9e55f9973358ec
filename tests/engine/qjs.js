import { getContext } from 'alga:extension/context';
import { logInfo } from 'alga:extension/logging';

export function handler(request) {
  const { url } = request.http;
  if (url === '/throw') {
    throw new Error('thrown by the guest');
  }
  logInfo(`tenant ${getContext().tenantId}`);
  const text = JSON.stringify({ url, random: Math.random(), now: Date.now() });
  const body = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return { status: 200, headers: [{ name: 'content-type', value: 'application/json' }], body };
}
