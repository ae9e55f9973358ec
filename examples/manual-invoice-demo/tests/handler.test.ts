import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientSummary, type ClientsListInput, HostError, type ServicesListInput } from '@holdfast/sdk';
import { createTestHost, createTestRequest, readJson } from '@holdfast/sdk/testing';
import type { Choices } from '../src/choices';
import { handler } from '../src/handler';
import { lineAmount, toMajor, toMinor } from '../src/money';

const client = (number: number): ClientSummary => ({ clientId: `client-${number}`, clientName: `Client ${number}`, isInactive: false });

test('the form gets every client of several pages, and active services only', async () => {
  const clients = Array.from({ length: 150 }, (_, index) => client(index));
  let asked: ServicesListInput | undefined;
  const host = createTestHost({
    clients: {
      list: async ({ page, pageSize }: ClientsListInput = {}) => {
        const [number, size] = [page ?? 1, pageSize ?? 25];
        return { items: clients.slice((number - 1) * size, number * size), totalCount: clients.length, page: number, pageSize: size };
      },
    },
    services: {
      list: async (input) => {
        asked = input;
        return { items: [], totalCount: 0, page: 1, pageSize: 100 };
      },
    },
  });
  const response = await handler(createTestRequest('GET', '/choices'), host);
  const choices = readJson<Choices>(response);
  assert.deepEqual([response.status, choices.clients.length, choices.services], [200, 150, []]);
  assert.deepEqual(choices.clients[149], { id: 'client-149', name: 'Client 149', currency: 'USD' });
  assert.equal(asked?.isActive, true);
});

test('a created invoice is returned, a refused one has the reasons', async () => {
  const invoice = { invoiceId: 'invoice-1', invoiceNumber: 'INV-1', status: 'draft', subtotal: 100, tax: 0, total: 100 };
  const results = [
    { success: true, invoice },
    { success: false, error: 'Validation failed', fieldErrors: { clientId: 'Client not found' } },
  ];
  const host = createTestHost({ invoicing: { createManualInvoice: async () => results.shift()! } });
  const body = { clientId: 'client-1', items: [{ serviceId: 'service-1', quantity: 1, description: 'Work', rate: 100 }] };
  const created = await handler(createTestRequest('POST', '/invoices', { body }), host);
  assert.deepEqual([created.status, readJson(created)], [200, invoice]);
  const refused = await handler(createTestRequest('POST', '/invoices', { body }), host);
  assert.equal(refused.status, 400);
  assert.deepEqual(readJson<{ fieldErrors: object }>(refused).fieldErrors, { clientId: 'Client not found' });
});

test('a user without the permission gets 403, a broken body 400, another path 404', async () => {
  const list = async () => {
    throw new HostError('clients.list', 'not-allowed');
  };
  const host = createTestHost({ clients: { list } });
  assert.equal((await handler(createTestRequest('GET', '/choices'), host)).status, 403);
  for (const body of ['{', 'null', '{}']) assert.equal((await handler(createTestRequest('POST', '/invoices', { body }), host)).status, 400);
  assert.equal((await handler(createTestRequest('GET', '/other'), host)).status, 404);
});

test('amounts are exact in the minor units of their currency', () => {
  const cases: [string, string, number | null][] = [
    ['12.50', 'USD', 1250],
    ['1.005', 'USD', null],
    ['0.29', 'USD', 29],
    ['1250', 'JPY', 1250],
    ['1.5', 'JPY', null],
    ['1.234', 'KWD', 1234],
    ['-1', 'USD', null],
    ['', 'USD', null],
  ];
  for (const [text, currency, minor] of cases) assert.equal(toMinor(text, currency), minor, `${text} ${currency}`);
  assert.equal(lineAmount({ quantity: 1.5, rate: 333 }), 500);
  assert.deepEqual([toMajor(1250, 'USD'), toMajor(1250, 'JPY')], ['12.50', '1250']);
});
