// The page's end of the bridge. The page runs at an opaque origin, so its own origin is "null": the parent is recognised by being
// window.parent, and by its origin, which the page's address names in `parentOrigin`.
import { fromBase64, toBase64 } from './base64.ts';
import { envelope, isEnvelope, isHostToClient } from './envelope.ts';
import type { ClientMessages, Envelope, ProxyAnswer } from './envelope.ts';
import { applyTheme } from './theme.ts';

export interface BridgeOptions {
  /** The application's origin. Absent: the query parameter `parentOrigin`. */
  expectedParentOrigin?: string;
  /** Accept a parent of any origin. Only for pages that show nothing confidential. False where absent. */
  devAllowWildcard?: boolean;
  /** How long a proxied call may take; 30 s where absent. */
  timeoutMs?: number;
  /** The page's window; another one in tests. */
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

/** The application refused or could not do a proxied call. `status` is 0 where there was no answer at all. */
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
  private readonly waiting = new Map<string, (answer: ProxyAnswer) => void>();
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

  /** Stops listening; calls under way are rejected by their time limit. */
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
      const settle = message.request_id === undefined ? undefined : this.waiting.get(message.request_id);
      if (settle !== undefined && typeof message.payload === 'object' && message.payload !== null) settle(message.payload as ProxyAnswer);
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

  /** Tells the application that the page listens; it answers with `bootstrap` and `theme`. */
  ready(requestId?: string): void {
    this.emitToHost('ready', {}, requestId);
  }

  resize(height: number): void {
    this.emitToHost('resize', { height: Math.ceil(height) });
  }

  navigate(path: string): void {
    this.emitToHost('navigate', { path });
  }

  /** Calls `listener` with every message of the application. Returns the function that stops it. */
  on(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Throws when the application's origin is not known: nothing is sent to a stranger. */
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

  /** Calls the extension's own API through the application. Resolves with whatever status it answers; rejects with a ProxyError when
   * there is no answer. */
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
      this.waiting.set(id, (answer) => {
        finish();
        try {
          resolve(readAnswer(answer));
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

  /** The bytes of a successful answer; rejects with a ProxyError for any status from 400. */
  async callProxy(route: string, payload?: Uint8Array | null, options: ProxyOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { status, body } = await this.request(route, payload, options);
    if (status >= 400) throw new ProxyError(`Proxy error ${status}: ${new TextDecoder().decode(body)}`, status, body);
    return body;
  }
}

/** An older application answers `error` without status, or a body alone. */
function readAnswer(answer: ProxyAnswer): ProxyResult {
  let body = new Uint8Array(0);
  if (answer.body) {
    try {
      body = fromBase64(answer.body);
    } catch {
      throw new ProxyError('Failed to decode proxy response', answer.status ?? 0);
    }
  }
  if (answer.error !== undefined && (answer.status === undefined || answer.status < 400)) throw new ProxyError(answer.error, answer.status ?? 0, body);
  return { status: answer.status ?? 200, headers: answer.headers ?? {}, body };
}

/** A bridge to the application around this page. */
export function createBridge(options: BridgeOptions = {}): IframeBridge {
  return new IframeBridge(options);
}
