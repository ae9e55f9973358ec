import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FetchRequest, HostError, type HttpResponse } from '@holdfast/sdk';
import { createTestHost, createTestRequest, readJson } from '@holdfast/sdk/testing';
import { handler } from '../src/handler';
import { type TicketsAnswer, readLimit } from '../src/tickets';

const TICKET = { id: 'T-1', title: 'Printer', status: 'Open', client: 'Northwind' };

function response(status: number, text: string): HttpResponse {
  return { status, headers: [], body: null, header: () => undefined, text: () => text, json: <T>() => JSON.parse(text) as T };
}

/** A host with the API key, whose ticket service responds as given; `sent` has the requests. */
function hostWith(answer: HttpResponse | Error) {
  const sent: FetchRequest[] = [];
  const fetch = async (request: FetchRequest) => {
    sent.push(request);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { sent, host: createTestHost({ secrets: { get: async () => 'key-1' }, http: { fetch } }) };
}

test('tickets come from the configured service, with the key', async () => {
  const { host, sent } = hostWith(response(200, JSON.stringify({ data: [TICKET] })));
  const request = createTestRequest('GET', '/api/tickets?limit=3', { context: { config: { algaApiBase: 'https://tickets.example.com/' } } });
  const result = await handler(request, host);
  assert.equal(result.status, 200);
  const { ok, tickets, upstreamStatus, limit, fromProxy } = readJson<TicketsAnswer>(result);
  assert.deepEqual([ok, tickets, upstreamStatus, limit, fromProxy], [true, [TICKET], 200, 3, false]);
  assert.equal(sent[0]?.url, 'https://tickets.example.com/api/tickets?limit=3');
  assert.deepEqual(sent[0]?.headers, { authorization: 'Bearer key-1', 'x-request-id': 'request-test' });
});

test('/proxy/tickets takes the limit from the body', async () => {
  const { host } = hostWith(response(200, '[]'));
  const { limit, fromProxy } = readJson<TicketsAnswer>(await handler(createTestRequest('POST', '/proxy/tickets', { body: { limit: 500 } }), host));
  assert.deepEqual([limit, fromProxy], [100, true]);
});

test('failures are 502 with a code, and do not show the key', async () => {
  const cases: [HttpResponse | Error, string, number | null][] = [
    [response(401, ''), 'upstream_error', 401],
    [response(200, '<html>'), 'failed_to_parse_ticket_payload', 200],
    [response(200, '{}'), 'failed_to_parse_ticket_payload', 200],
    [new HostError('http.fetch', 'not-allowed'), 'fetch_not_allowed', null],
  ];
  for (const [answer, error, upstreamStatus] of cases) {
    const { host } = hostWith(answer);
    const result = await handler(createTestRequest('GET', '/api/tickets'), host);
    const read = readJson<TicketsAnswer>(result);
    assert.deepEqual([result.status, read.ok, read.error, read.upstreamStatus], [502, false, error, upstreamStatus]);
    assert.ok(!JSON.stringify([read, host.logs]).includes('key-1'));
  }
});

test('a missing key is reported', async () => {
  const get = async () => {
    throw new HostError('secrets.get', 'missing');
  };
  const result = await handler(createTestRequest('GET', '/api/tickets'), createTestHost({ secrets: { get } }));
  assert.deepEqual([result.status, readJson<TicketsAnswer>(result).error], [500, 'missing_alga_api_key']);
});

test('a limit is between 1 and 100, by default 10', () => {
  assert.deepEqual([undefined, '7', 0, 1000, 'many', 2.9].map(readLimit), [10, 7, 1, 100, 10, 2]);
});
