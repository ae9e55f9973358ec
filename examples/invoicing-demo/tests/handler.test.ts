import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CreateManualInvoiceInput, CreateManualInvoiceResult } from '@holdfast/sdk';
import { createTestHost, createTestRequest, readJson } from '@holdfast/sdk/testing';
import { handler } from '../src/handler';

const INPUT = { clientId: 'client-1', items: [{ serviceId: 'service-1', description: 'Consulting', quantity: 2, rate: 12_500 }] };
const INVOICE = { invoiceId: 'invoice-1', invoiceNumber: 'INV-1', status: 'draft', subtotal: 25_000, tax: 0, total: 25_000 };

/** A host whose application answers as given; `asked` has the inputs. */
function hostWith(result: CreateManualInvoiceResult) {
  const asked: CreateManualInvoiceInput[] = [];
  const createManualInvoice = async (input: CreateManualInvoiceInput) => {
    asked.push(input);
    return result;
  };
  return { asked, host: createTestHost({ invoicing: { createManualInvoice } }) };
}

const create = (body: unknown, host = hostWith({ success: true, invoice: INVOICE }).host) =>
  handler(createTestRequest('POST', '/api/create-manual-invoice', { body }), host);

test('a valid request creates a draft invoice', async () => {
  const { asked, host } = hostWith({ success: true, invoice: INVOICE });
  const response = await create({ ...INPUT, dueDate: '2026-12-31' }, host);
  assert.deepEqual([response.status, readJson(response)], [200, { success: true, invoice: INVOICE }]);
  assert.deepEqual(asked.map(({ clientId, items, dueDate }) => ({ clientId, items, dueDate })), [{ ...INPUT, dueDate: '2026-12-31' }]);
  assert.deepEqual(host.logs, [{ level: 'info', message: 'Draft invoice created', fields: { invoiceId: 'invoice-1' } }]);
});

test('every wrong field is named, and nothing is created', async () => {
  const { asked, host } = hostWith({ success: true, invoice: INVOICE });
  const response = await create({ items: [{ quantity: 0, rate: 1.5 }], poNumber: 7 }, host);
  assert.equal(response.status, 400);
  const { error, fieldErrors } = readJson<{ error: string; fieldErrors: Record<string, string> }>(response);
  assert.equal(error, 'validation_failed');
  const fields = ['clientId', 'items.0.serviceId', 'items.0.description', 'items.0.quantity', 'items.0.rate', 'poNumber'];
  assert.deepEqual(Object.keys(fieldErrors), fields);
  assert.deepEqual(asked, []);
});

test('an empty list and a body that is no object are named', async () => {
  for (const [body, field] of [[{ clientId: 'client-1', items: [] }, 'items'], [[1], 'body'], [undefined, 'body']] as const) {
    assert.deepEqual(Object.keys(readJson<{ fieldErrors: object }>(await create(body)).fieldErrors), [field]);
  }
  assert.equal(readJson<{ error: string }>(await create('{')).error, 'invalid_json');
});

test("the application's reasons reach the caller", async () => {
  const { host } = hostWith({ success: false, error: 'Validation failed', fieldErrors: { clientId: 'Client not found' } });
  const response = await create(INPUT, host);
  assert.equal(response.status, 400);
  assert.deepEqual(readJson(response), {
    success: false,
    error: 'validation_failed',
    message: 'Validation failed',
    fieldErrors: { clientId: 'Client not found' },
  });
});
