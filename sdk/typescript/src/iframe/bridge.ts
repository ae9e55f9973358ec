// The page's end of the bridge. The page runs at an opaque origin, so its own origin is "null": the parent is recognised by being
// window.parent, and by its origin, which the page's address names in `parentOrigin`.
import { fromBase64, toBase64 } from './base64.ts';
import { envelope, isEnvelope, isHostToClient } from './envelope.ts';
import type { ClientMessages, Envelope, ProxyAnswer } from './envelope.ts';
import { applyTheme } from './theme.ts';

export interface BridgeOptions {
  /** The application's origin. Default: the query parameter `parentOrigin`. */
  expectedParentOrigin?: string;
  /** Accept a parent of any origin. Only for pages without confidential content. Default: false. */
  devAllowWildcard?: boolean;
  /** The time limit of a proxied call in milliseconds. Default: 30,000. */
  timeoutMs?: number;
  /** The page's window; tests pass another one. */
  window?: Window;
}

export interface ProxyOptions {
  method?: string;
  contentType?: string;
}

export interface ProxyResult {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
}

/** The application rejected a proxied call or it failed. `status` is 0 when there was no response. */
export class ProxyError extends Error {
  readonly status: number;
  readonly body: Uint8Array<ArrayBuffer>;

  constructor(message: string, status: number, body = new Uint8Array(0)) {
    super(message);
    this.name = 'ProxyError';
    this.status = status;
    this.body = body;
  }
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export type Listener = (message: Envelope) => void;

export class IframeBridge {
  private readonly window: Window;
  private readonly timeoutMs: number;
  private readonly wildcard: boolean;
  private origin: string | null;
  private readonly listeners = new Set<Listener>();
  private readonly waiting = new Map<string, (response: ProxyAnswer) => void>();
  private token: string | null = null;
  private tokens: Record<string, string> = {};
  private requests = 0;
  readonly uiProxy: { callRoute: (route: string, payload?: Uint8Array | null) => Promise<Uint8Array>; call: (route: string, payload?: Uint8Array | null) => Promise<Uint8Array> };

  constructor(options: BridgeOptions = {}) {
    this.window = options.window ?? window;
    this.timeoutMs = options.timeoutMs ?? 30_000;
    this.wildcard = options.devAllowWildcard ?? false;
    this.origin = options.expectedParentOrigin ?? new URLSearchParams(this.window.location.search).get('parentOrigin');
    const call = (route: string, payload?: Uint8Array | null): Promise<Uint8Array> => this.callProxy(route, payload);
    this.uiProxy = { callRoute: call, call };
    this.window.addEventListener('message', this.receive);
  }

  /** Stops listening. Calls in progress reject at their time limit. */
  close(): void {
    this.window.removeEventListener('message', this.receive);
    this.listeners.clear();
  }

  private readonly receive = (event: MessageEvent): void => {
    if (event.source !== this.window.parent) return;
    if (!this.wildcard && (this.origin === null || event.origin !== this.origin)) return;
    const message: unknown = event.data;
    if (!isEnvelope(message)) return;
    if (message.type === 'apiproxy_response') {
      const finish = message.request_id === undefined ? undefined : this.waiting.get(message.request_id);
      if (finish !== undefined && typeof message.payload === 'object' && message.payload !== null) finish(message.payload as ProxyAnswer);
    }
    if (isHostToClient(message)) this.remember(message);
    for (const listener of [...this.listeners]) listener(message);
  };

  private remember(message: Envelope): void {
    const payload = message.payload as { session?: { token?: unknown }; theme_tokens?: Record<string, string> } | null;
    if (payload === null || typeof payload !== 'object') return;
    if (message.type === 'bootstrap') {
      if (typeof payload.session?.token === 'string') this.token = payload.session.token;
      if (payload.theme_tokens) this.useTheme(payload.theme_tokens);
    } else if (message.type === 'theme') this.useTheme(payload as Record<string, string>);
  }

  private useTheme(tokens: Record<string, string>): void {
    this.tokens = { ...this.tokens, ...tokens };
    applyTheme(tokens, this.window.document);
  }

  /** Tells the application that the page is ready; the application then sends `bootstrap` and `theme`. */
  ready(requestId?: string): void {
    this.emitToHost('ready', {}, requestId);
  }

  resize(height: number): void {
    this.emitToHost('resize', { height: Math.ceil(height) });
  }

  navigate(path: string): void {
    this.emitToHost('navigate', { path });
  }

  /** Calls `listener` with every message of the application. Returns a function that removes the listener. */
  on(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Sends a message to the application. Throws when its origin is unknown, because any other page could then receive the message. */
  emitToHost<T extends keyof ClientMessages>(type: T, payload: ClientMessages[T], requestId?: string): void {
    const target = this.wildcard ? '*' : this.origin;
    if (target === null) throw new Error('The origin of the application is unknown: the address of this page has no parentOrigin');
    this.window.parent.postMessage(envelope(type, payload, requestId), target);
  }

  getSessionToken(): string | null {
    return this.token;
  }

  getThemeTokens(): Record<string, string> {
    return { ...this.tokens };
  }

  setExpectedParentOrigin(origin: string): void {
    this.origin = origin;
  }

  /** Calls the extension's own API through the application. Resolves with the response, whatever its status; rejects with a ProxyError
   * when there is none. */
  request(route: string, payload?: Uint8Array | string | null, options: ProxyOptions = {}): Promise<ProxyResult> {
    const method = (options.method ?? 'POST').toUpperCase();
    if (!METHODS.includes(method)) return Promise.reject(new Error(`Unsupported proxy method: ${method}`));
    if (method === 'GET' && payload != null) return Promise.reject(new Error('GET requests cannot include a body'));
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
    const id = `proxy-${++this.requests}-${Math.random().toString(36).slice(2)}`;
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.waiting.delete(id);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new ProxyError('Proxy request timed out', 0));
      }, this.timeoutMs);
      this.waiting.set(id, (response) => {
        finish();
        try {
          resolve(readResponse(response));
        } catch (error) {
          reject(error);
        }
      });
      try {
        this.emitToHost(
          'apiproxy',
          {
            route,
            method,
            ...(bytes == null ? {} : { body: toBase64(bytes) }),
            ...(options.contentType === undefined ? {} : { headers: { 'content-type': options.contentType } }),
          },
          id,
        );
      } catch (error) {
        finish();
        reject(error);
      }
    });
  }

  /** The body of a successful response; rejects with a ProxyError for a status of 400 or more. */
  async callProxy(route: string, payload?: Uint8Array | null, options: ProxyOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { status, body } = await this.request(route, payload, options);
    if (status >= 400) throw new ProxyError(`Proxy error ${status}: ${new TextDecoder().decode(body)}`, status, body);
    return body;
  }
}

/** Older applications send `error` without a status, or only a body. */
function readResponse(response: ProxyAnswer): ProxyResult {
  let body = new Uint8Array(0);
  if (response.body) {
    try {
      body = fromBase64(response.body);
    } catch {
      throw new ProxyError('Failed to decode proxy response', response.status ?? 0);
    }
  }
  if (response.error !== undefined && (response.status === undefined || response.status < 400)) throw new ProxyError(response.error, response.status ?? 0, body);
  return { status: response.status ?? 200, headers: response.headers ?? {}, body };
}

/** A bridge to the application that shows this page. */
export function createBridge(options: BridgeOptions = {}): IframeBridge {
  return new IframeBridge(options);
}
