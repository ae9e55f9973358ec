// A ticket service to try the sample with: `node tickets-server.mjs [port]`. It accepts the key `demo-key` and prints its address.
import { createServer } from 'node:http';

const KEY = 'demo-key';
const TITLES = ['Printer on floor 2 is offline', 'New laptop for Ada', 'VPN drops every hour', 'Reset a password', 'Invoice shows the wrong address'];
const CLIENTS = ['Emerald City', 'Northwind', 'Wonderland'];
const TICKETS = Array.from({ length: 25 }, (_, index) => ({
  id: `T-${1001 + index}`,
  title: TITLES[index % TITLES.length],
  status: index % 3 === 0 ? 'Open' : 'In progress',
  client: CLIENTS[index % CLIENTS.length],
}));

function respond(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (request.headers.authorization !== `Bearer ${KEY}`) return respond(response, 401, { error: 'unauthorized' });
  if (request.method !== 'GET' || pathname !== '/api/tickets') return respond(response, 404, { error: 'not_found' });
  respond(response, 200, { data: TICKETS.slice(0, Number(searchParams.get('limit') ?? 10)) });
});

server.listen(Number(process.argv[2] ?? 18080), 'localhost', () => console.log(`http://localhost:${server.address().port}`));
