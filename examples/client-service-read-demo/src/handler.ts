import { type ExecuteResponse, type Handler, HostError, jsonResponse } from '@alga-psa/extension-runtime';

const PAGE_SIZE = 10;

function problem(status: number, error: string, message: string): ExecuteResponse {
  return jsonResponse({ error, message }, { status });
}

/** The page of the query: 1 unless it is a whole number above. */
function readPage(given: string | undefined): number {
  const page = Number(given ?? 1);
  return Number.isSafeInteger(page) && page > 1 ? page : 1;
}

export const handler: Handler = async (req, host) => {
  const { method, path, query } = req.http;
  const input = { search: query['search']?.trim() || null, page: readPage(query['page']), pageSize: PAGE_SIZE };
  if (path !== '/api/clients' && path !== '/api/services') return problem(404, 'not_found', `There is no ${path}.`);
  if (method !== 'GET') return problem(405, 'method_not_allowed', 'Send a GET request.');
  try {
    if (path === '/api/clients') return jsonResponse(await host.clients.list(input));
    return jsonResponse(await host.services.list({ ...input, itemKind: 'service' }));
  } catch (error) {
    if (!(error instanceof HostError) || error.code !== 'not-allowed') throw error;
    return problem(403, 'not_allowed', 'You may not read these records. Ask an administrator for the permission.');
  }
};
