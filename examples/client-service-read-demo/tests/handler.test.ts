import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientsListInput, HostError, type ServicesListInput } from '@holdfast/sdk';
import { createTestHost, createTestRequest, readJson } from '@holdfast/sdk/testing';
import { handler } from '../src/handler';

/** A host without records, which remembers what was asked for. */
function askedHost() {
  const asked: unknown[] = [];
  const page = { items: [], totalCount: 0, page: 1, pageSize: 10 };
  const list = async (input?: ClientsListInput | ServicesListInput) => {
    asked.push(input);
    return page;
  };
  return { asked, page, host: createTestHost({ clients: { list }, services: { list } }) };
}

test('search and page of the query reach the host', async () => {
  const { asked, page, host } = askedHost();
  const response = await handler(createTestRequest('GET', '/api/clients?search=%20north%20&page=2'), host);
  assert.deepEqual([response.status, readJson(response)], [200, page]);
  await handler(createTestRequest('GET', '/api/services?page=-1'), host);
  assert.deepEqual(asked, [
    { search: 'north', page: 2, pageSize: 10 },
    { search: null, page: 1, pageSize: 10, itemKind: 'service' },
  ]);
});

test('a caller without the permission gets 403', async () => {
  const list = async () => {
    throw new HostError('clients.list', 'not-allowed');
  };
  const response = await handler(createTestRequest('GET', '/api/clients'), createTestHost({ clients: { list } }));
  assert.deepEqual([response.status, readJson<{ error: string }>(response).error], [403, 'not_allowed']);
});

test('another method is 405, another path 404', async () => {
  const { host } = askedHost();
  assert.equal((await handler(createTestRequest('POST', '/api/clients'), host)).status, 405);
  assert.equal((await handler(createTestRequest('GET', '/api/other'), host)).status, 404);
});
