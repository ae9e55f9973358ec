// The messages that an extension's page and the application exchange with postMessage.

export interface Envelope<Type extends string = string, Payload = unknown> {
  alga: true;
  version: '1';
  type: Type;
  request_id?: string;
  payload: Payload;
}

export interface ProxyRequest {
  /** A path below the extension's own API, with its query: `/notes?limit=10`. */
  route: string;
  method: string;
  /** base64 */
  body?: string;
  headers?: { 'content-type'?: string };
}

export interface ProxyAnswer {
  status?: number;
  headers?: Record<string, string>;
  /** base64 */
  body?: string;
  error?: string;
}

export interface Bootstrap {
  session?: { token: string; expires_at: string };
  theme_tokens?: Record<string, string>;
  navigation?: { path: string };
}

/** The messages that the page sends. */
export interface ClientMessages {
  ready: Record<string, never>;
  resize: { height: number };
  navigate: { path: string };
  apiproxy: ProxyRequest;
}

/** The messages that the page receives. */
export interface HostMessages {
  bootstrap: Bootstrap;
  apiproxy_response: ProxyAnswer;
  theme: Record<string, string>;
}

export function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false;
  const { alga, version, type, request_id: id } = value as Partial<Envelope>;
  return alga === true && version === '1' && typeof type === 'string' && (id === undefined || typeof id === 'string');
}

export function envelope<T extends string, P>(type: T, payload: P, requestId?: string): Envelope<T, P> {
  return { alga: true, version: '1', type, ...(requestId === undefined ? {} : { request_id: requestId }), payload };
}

export const isHostToClient = (value: unknown): value is Envelope<keyof HostMessages> =>
  isEnvelope(value) && ['bootstrap', 'apiproxy_response', 'theme'].includes(value.type);

export const isClientToHost = (value: unknown): value is Envelope<keyof ClientMessages> =>
  isEnvelope(value) && ['ready', 'resize', 'navigate', 'apiproxy'].includes(value.type);
