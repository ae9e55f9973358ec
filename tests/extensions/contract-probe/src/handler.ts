import { type ExecuteRequest, type Handler, type HostBindings, jsonResponse } from '@alga-psa/extension-runtime';

const HEADERS = { 'content-type': 'application/json', 'x-generated-by': 'js-component' };

/** What the host refused, in words that contain the case the world names. */
function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The names of all secrets, and one of them. */
async function secrets(host: HostBindings) {
  const seen = { value: null as string | null, keys: [] as string[], error: null as string | null };
  try {
    seen.keys = await host.secrets.list();
    seen.value = await host.secrets.get('ALGA_API_KEY');
  } catch (error) {
    seen.error = words(error);
  }
  return { ok: seen.error === null, secrets: seen };
}

/** One route of the application, with the request's body as payload. */
async function uiProxy(host: HostBindings, body: Uint8Array) {
  try {
    const response = await host.uiProxy.callRoute('/proxy/ping', body.length > 0 ? body : null);
    return { ok: true, proxy: { response: [...response], error: null } };
  } catch (error) {
    return { ok: false, proxy: { response: null, error: words(error) } };
  }
}

async function answer(req: ExecuteRequest, host: HostBindings): Promise<object> {
  const { method, url } = req.http;
  const body = req.http.body ?? new Uint8Array();
  const { tenantId, extensionId } = await host.context.get();
  const common = { method, path: url, tenantId, extensionId };
  if (url.startsWith('/dynamic/secrets')) return { ...common, ...(await secrets(host)) };
  if (url.startsWith('/dynamic/ui-proxy')) return { ...common, ...(await uiProxy(host, body)) };
  return { ...common, ok: true, echo: body.length > 0 ? [...body] : null };
}

/** The guest that the contract's statements about calls are made with: it tells what reached it and what it was refused. */
export const handler: Handler = async (req, host) => {
  try {
    return jsonResponse(await answer(req, host), { headers: HEADERS });
  } catch (error) {
    return jsonResponse({ ok: false, error: words(error) }, { status: 500, headers: HEADERS });
  }
};
