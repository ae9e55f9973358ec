// JSON over the host's ui-proxy.
import { decodeUtf8, encodeUtf8 } from './bytes.ts';
import type { UiProxyHost } from './host.ts';

/** Sends `payload` as JSON (nothing when undefined) and parses the response as JSON (undefined when empty). Rejects as callRoute does. */
export async function callProxyJson<T = unknown>(uiProxy: Partial<UiProxyHost>, route: string, payload?: unknown): Promise<T | undefined> {
  const call = uiProxy.callRoute ?? uiProxy.call;
  if (typeof call !== 'function') throw new Error('uiProxy host does not implement callRoute');
  const response = await call.call(uiProxy, route, payload === undefined ? undefined : encodeUtf8(JSON.stringify(payload)));
  return response && response.length > 0 ? (JSON.parse(decodeUtf8(response)) as T) : undefined;
}
