// Calling the extension's own handler from its page, JSON both ways.
import { ProxyError } from './bridge.ts';
import type { IframeBridge } from './bridge.ts';

export interface HandlerCall {
  /** GET where absent. */
  method?: string;
  /** Sent as JSON. */
  body?: unknown;
}

/** The handler answered a status from 400. `body` is its JSON, or its text. */
export class HandlerError extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    const said = body as { message?: unknown; error?: unknown } | null;
    const text = typeof said?.message === 'string' ? said.message : typeof said?.error === 'string' ? said.error : '';
    super(text === '' ? `The handler answered ${status}` : text);
    this.name = 'HandlerError';
    this.status = status;
    this.body = body;
  }
}

type Proxy = { callRoute: (route: string, payload?: Uint8Array | null) => Promise<Uint8Array> };

function parse(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Resolves with the JSON the handler answers (null when empty). Rejects with a HandlerError for a status from 400, with a ProxyError
 * when there is no answer. Also takes a bare ui-proxy, which always sends POST. */
export async function callHandlerJson<T = unknown>(via: IframeBridge | Proxy, path: string, { method = 'GET', body }: HandlerCall = {}): Promise<T> {
  const verb = method.toUpperCase();
  if (!['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(verb)) throw new Error(`Unsupported method: ${method}`);
  if (verb === 'GET' && body !== undefined) throw new Error('GET requests cannot include a body');
  const payload = body === undefined ? null : new TextEncoder().encode(JSON.stringify(body));
  if ('request' in via) {
    const answer = await via.request(path, payload, { method: verb, ...(payload === null ? {} : { contentType: 'application/json' }) });
    const value = parse(answer.body);
    if (answer.status >= 400) throw new HandlerError(answer.status, value);
    return value as T;
  }
  if (typeof via.callRoute !== 'function') throw new Error('uiProxy host does not implement callRoute');
  return parse(await via.callRoute(path, payload)) as T;
}

/** The session token: at once, or with the next `bootstrap`. Rejects after `timeoutMs`, as not every application sends one. */
export function getToken(bridge: IframeBridge, timeoutMs = 10_000): Promise<string> {
  const known = bridge.getSessionToken();
  if (known !== null) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    const stop = bridge.on(() => {
      const token = bridge.getSessionToken();
      if (token === null) return;
      clearTimeout(timer);
      stop();
      resolve(token);
    });
    const timer = setTimeout(() => {
      stop();
      reject(new ProxyError('The application sent no session token', 0));
    }, timeoutMs);
  });
}

export function navigate(bridge: IframeBridge, path: string): void {
  bridge.navigate(path);
}

/** Tells the application the page's height now and whenever it changes. Returns the function that stops it. */
export function autoResize(bridge: IframeBridge, element: Element = document.body): () => void {
  const observer = new ResizeObserver(() => bridge.resize(element.getBoundingClientRect().height));
  observer.observe(element);
  return () => observer.disconnect();
}
