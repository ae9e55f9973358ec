// fetch of the Fetch standard, through host.http.fetch: with cap:http.fetch, and only to hosts that the manifest's `egress` names.
import { HostError } from '../../errors.ts';
import { httpHost } from '../../runtime/http.ts';
import { isCalling } from '../../runtime/loop.ts';
import { define } from '../define.ts';
import { Request } from './request.ts';
import type { RequestInit } from './request.ts';
import { Response } from './response.ts';

const MAX_REDIRECTS = 20;
const REDIRECTS = [301, 302, 303, 307, 308];

interface Step {
  method: string;
  url: string;
  headers: [string, string][];
  body: Uint8Array | null;
}

/** The host returns redirects, so that each hop is checked against the grants; the Fetch standard's "HTTP-redirect fetch". */
function nextStep(step: Step, status: number, location: string): Step {
  const url = new URL(location, step.url);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`fetch failed: a redirect leads to ${url.protocol}`);
  const dropsBody = (status === 303 && !/^(GET|HEAD)$/.test(step.method)) || ((status === 301 || status === 302) && step.method === 'POST');
  const foreign = url.origin !== new URL(step.url).origin;
  const headers = step.headers.filter(([name]) => !(dropsBody && name.startsWith('content-')) && !(foreign && /^(authorization|cookie)$/.test(name)));
  return { method: dropsBody ? 'GET' : step.method, url: url.href, headers, body: dropsBody ? null : step.body };
}

async function send({ method, url, headers, body }: Step): Promise<Response> {
  try {
    const answer = await httpHost.fetch({ method, url, headers: headers.map(([name, value]) => ({ name, value })), body });
    return Response.received(url, answer.status, answer.headers, answer.body ?? null);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    // The standard's error; the host's own says why.
    throw new TypeError(`fetch failed: ${error.message}`, { cause: error });
  }
}

export async function fetch(input: unknown, init?: RequestInit): Promise<Response> {
  if (!isCalling()) throw new TypeError('Use fetch only inside a handler: code at the top level of a module runs once, at build time');
  const request = new Request(input, init);
  request.signal.throwIfAborted();
  const bytes = await request.bytes();
  let step: Step = { method: request.method, url: request.url, headers: [...request.headers], body: bytes.length === 0 ? null : bytes };
  for (let hops = 0; ; hops++) {
    const response = await send(step);
    request.signal.throwIfAborted();
    const location = response.headers.get('location');
    if (!REDIRECTS.includes(response.status) || location === null || request.redirect === 'manual') {
      if (hops > 0) Object.defineProperty(response, 'redirected', { value: true });
      return response;
    }
    if (request.redirect === 'error') throw new TypeError('fetch failed: the server redirects, and redirect is "error"');
    if (hops === MAX_REDIRECTS) throw new TypeError(`fetch failed: more than ${MAX_REDIRECTS} redirects`);
    step = nextStep(step, response.status, location.replace(/#.*$/, ''));
  }
}

define({ fetch });
