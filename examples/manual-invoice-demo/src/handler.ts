import {
  type CreateManualInvoiceInput,
  type ExecuteRequest,
  type ExecuteResponse,
  type Handler,
  type HostBindings,
  type Page,
  HostError,
  jsonResponse,
} from '@alga-psa/extension-runtime';
import type { Choices } from './choices';

const PAGE_SIZE = 100;
const MAX_PAGES = 5;

/** All items, page by page. A form needs no more than some hundreds; beyond that, offer a search. */
async function readAll<T>(list: (input: { page: number; pageSize: number }) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const found = await list({ page, pageSize: PAGE_SIZE });
    items.push(...found.items);
    if (found.items.length === 0 || items.length >= found.totalCount) break;
  }
  return items;
}

async function showChoices(host: HostBindings): Promise<ExecuteResponse> {
  const clients = await readAll((input) => host.clients.list(input));
  const services = await readAll((input) => host.services.list({ ...input, isActive: true }));
  const choices: Choices = {
    clients: clients.map(({ clientId, clientName, defaultCurrencyCode }) => ({ id: clientId, name: clientName, currency: defaultCurrencyCode ?? 'USD' })),
    services: services.map(({ serviceId, serviceName, defaultRate }) => ({ id: serviceId, name: serviceName, rate: defaultRate })),
  };
  return jsonResponse(choices);
}

async function createInvoice(req: ExecuteRequest, host: HostBindings): Promise<ExecuteResponse> {
  let input: CreateManualInvoiceInput;
  try {
    input = req.http.json();
  } catch {
    return jsonResponse({ error: 'invalid_json', message: 'The body is not valid JSON.' }, { status: 400 });
  }
  if (!Array.isArray(input?.items)) return jsonResponse({ error: 'validation_failed', message: 'Send clientId and items.' }, { status: 400 });
  // The platform checks everything else, and says what is wrong by field.
  const { success, invoice, error, fieldErrors } = await host.invoicing.createManualInvoice(input);
  if (!success) return jsonResponse({ error: 'validation_failed', message: error ?? 'The invoice was refused.', fieldErrors }, { status: 400 });
  await host.logging.info('Draft invoice created', { invoiceId: invoice?.invoiceId });
  return jsonResponse(invoice);
}

export const handler: Handler = async (req, host) => {
  const { method, path } = req.http;
  try {
    if (method === 'GET' && path === '/choices') return await showChoices(host);
    if (method === 'POST' && path === '/invoices') return await createInvoice(req, host);
  } catch (error) {
    if (!(error instanceof HostError) || error.code !== 'not-allowed') throw error;
    return jsonResponse({ error: 'not_allowed', message: `You may not do this (${error.call}). Ask an administrator.` }, { status: 403 });
  }
  return jsonResponse({ error: 'not_found', message: `There is no ${method} ${path}.` }, { status: 404 });
};
