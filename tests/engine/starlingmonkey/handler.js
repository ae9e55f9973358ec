import { getContext } from 'alga:extension/context';
import { logInfo } from 'alga:extension/logging';

export async function handler(request) {
  const { url } = request.http;
  if (url === '/throw') {
    console.error('about to throw');
    throw new Error('thrown by the guest');
  }
  if (url === '/fetch') {
    await fetch('https://example.com/');
  }
  if (url === '/sleep') {
    await new Promise((done) => setTimeout(done, 20));
  }
  logInfo(`tenant ${getContext().tenantId}`);
  console.log('line one\nline two');
  const answer = { url, random: Math.random(), now: Date.now() };
  return { status: 200, headers: [{ name: 'content-type', value: 'application/json' }], body: new TextEncoder().encode(JSON.stringify(answer)) };
}
