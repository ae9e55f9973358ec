import { type ExecuteRequest, type ExecuteResponse, type Handler, type HostBindings, HostError, type HttpResponse, jsonResponse } from '@alga-psa/extension-runtime';
import { type Ticket, type TicketsAnswer, readLimit, readTickets } from './tickets';

const SECRET = 'ALGA_API_KEY';
const DEFAULT_BASE = 'https://api.example.com';

/** A failure that the caller sees. `upstreamStatus` is null if the ticket service did not respond. */
class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly upstreamStatus: number | null = null,
  ) {
    super(message);
  }
}

async function readKey(host: HostBindings): Promise<string> {
  try {
    return await host.secrets.get(SECRET);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    throw new Failure(500, 'missing_alga_api_key', `Set the secret ${SECRET} first (${error.code}).`);
  }
}

async function request(req: ExecuteRequest, host: HostBindings, limit: number): Promise<HttpResponse> {
  const base = (req.context.config?.['algaApiBase'] ?? DEFAULT_BASE).replace(/\/$/, '');
  const headers = { authorization: `Bearer ${await readKey(host)}`, 'x-request-id': req.context.requestId ?? '' };
  try {
    return await host.http.fetch({ url: `${base}/api/tickets?limit=${limit}`, headers });
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    throw new Failure(502, `fetch_${error.code.replace('-', '_')}`, `The ticket service could not be called: ${error.code}.`);
  }
}

async function fetchTickets(req: ExecuteRequest, host: HostBindings, limit: number): Promise<{ tickets: Ticket[]; upstreamStatus: number }> {
  const response = await request(req, host, limit);
  const { status } = response;
  if (status < 200 || status > 299) throw new Failure(502, 'upstream_error', `The ticket service responded with status ${status}.`, status);
  let tickets: Ticket[] | null = null;
  try {
    tickets = readTickets(response.json());
  } catch {
    // Not JSON; reported like JSON of another shape.
  }
  if (tickets === null) throw new Failure(502, 'failed_to_parse_ticket_payload', 'The ticket service sent something else than tickets.', status);
  return { tickets, upstreamStatus: status };
}

async function answer(req: ExecuteRequest, host: HostBindings, given: unknown, fromProxy: boolean): Promise<ExecuteResponse> {
  const limit = readLimit(given);
  const common = { limit, fromProxy, fetchedAt: new Date().toISOString() };
  try {
    const found: TicketsAnswer = { ok: true, ...(await fetchTickets(req, host, limit)), error: null, ...common };
    await host.logging.info('Tickets fetched', { count: found.tickets.length });
    return jsonResponse(found);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await host.logging.warn('Tickets not fetched', { error: error.code, upstreamStatus: error.upstreamStatus });
    const { code, message, status, upstreamStatus } = error;
    const failed: TicketsAnswer = { ok: false, tickets: [], upstreamStatus, error: code, message, ...common };
    return jsonResponse(failed, { status });
  }
}

function limitOfBody(req: ExecuteRequest): unknown {
  try {
    return req.http.json<{ limit?: unknown } | null | undefined>()?.limit;
  } catch {
    return undefined;
  }
}

export const handler: Handler = async (req, host) => {
  const { method, path, query } = req.http;
  if (method === 'GET' && path === '/api/tickets') return answer(req, host, query['limit'], false);
  if (method === 'POST' && path === '/proxy/tickets') return answer(req, host, limitOfBody(req), true);
  return jsonResponse({ error: 'not_found', message: `There is no ${method} ${path}.` }, { status: 404 });
};
