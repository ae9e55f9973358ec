// Calls the extension's handler from its page, with JSON in both directions.
import { ProxyError } from './bridge.ts';
import type { IframeBridge } from './bridge.ts';

export interface HandlerCall {
  /** Default: GET. */
  method?: string;
  /** Sent as JSON. */
  body?: unknown;
}

/** The handler responded with a status of 400 or more. `body` is the parsed JSON, or the text. */
export class HandlerError extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    const fields = body as { message?: unknown; error?: unknown } | null;
    const text = typeof fields?.message === 'string' ? fields.message : typeof fields?.error === 'string' ? fields.error : '';
    super(text === '' ? `The handler responded with status ${status}` : text);
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

/** Resolves with the JSON of the response (null when empty). Rejects with a HandlerError for a status of 400 or more, and with a
 * ProxyError when there is no response. `via` may also be a plain UI proxy, which always sends POST. */
export async function callHandlerJson<T = unknown>(via: IframeBridge | Proxy, path: string, { method = 'GET', body }: HandlerCall = {}): Promise<T> {
  const verb = method.toUpperCase();
  if (!['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(verb)) throw new Error(`Unsupported method: ${method}`);
  if (verb === 'GET' && body !== undefined) throw new Error('GET requests cannot include a body');
  const payload = body === undefined ? null : new TextEncoder().encode(JSON.stringify(body));
  if ('request' in via) {
    const response = await via.request(path, payload, { method: verb, ...(payload === null ? {} : { contentType: 'application/json' }) });
    const value = parse(response.body);
    if (response.status >= 400) throw new HandlerError(response.status, value);
    return value as T;
  }
  if (typeof via.callRoute !== 'function') throw new Error('uiProxy host does not implement callRoute');
  return parse(await via.callRoute(path, payload)) as T;
}

/** The session token, now or from the next `bootstrap`. Rejects after `timeoutMs`, because not every application sends one. */
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
      reject(new ProxyError('The application sent no session token. It may not support them.', 0));
    }, timeoutMs);
  });
}

export function navigate(bridge: IframeBridge, path: string): void {
  bridge.navigate(path);
}

/** Sends the page's height to the application, now and whenever it changes. Returns a function that stops this. */
export function autoResize(bridge: IframeBridge, element: Element = document.body): () => void {
  const observer = new ResizeObserver(() => bridge.resize(element.getBoundingClientRect().height));
  observer.observe(element);
  return () => observer.disconnect();
}
