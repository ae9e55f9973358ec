import { type ExecuteRequest, type ExecuteResponse, type FieldErrors, type Handler, type HostBindings, jsonResponse } from '@alga-psa/extension-runtime';
import { readInvoice } from './validation';

function problem(status: number, error: string, message: string, fieldErrors?: FieldErrors): ExecuteResponse {
  return jsonResponse({ success: false, error, message, ...(fieldErrors === undefined ? {} : { fieldErrors }) }, { status });
}

async function createInvoice(req: ExecuteRequest, host: HostBindings): Promise<ExecuteResponse> {
  let body: unknown;
  try {
    body = req.http.json();
  } catch {
    return problem(400, 'invalid_json', 'The body is not valid JSON.');
  }
  const read = readInvoice(body);
  if ('fieldErrors' in read) return problem(400, 'validation_failed', 'Check the marked fields.', read.fieldErrors);
  const { success, invoice, error, fieldErrors } = await host.invoicing.createManualInvoice(read.input);
  // The application checks more than this handler can, such as whether the client exists.
  if (!success) return problem(400, 'validation_failed', error ?? 'The invoice was refused.', fieldErrors ?? {});
  await host.logging.info('Draft invoice created', { invoiceId: invoice?.invoiceId });
  return jsonResponse({ success: true, invoice });
}

export const handler: Handler = async (req, host) => {
  const { method, path } = req.http;
  if (path === '/api/status' && method === 'GET') return jsonResponse({ ok: true, tenantId: req.context.tenantId });
  if (path === '/api/create-manual-invoice' && method === 'POST') return createInvoice(req, host);
  return problem(404, 'not_found', `There is no ${method} ${path}.`);
};
