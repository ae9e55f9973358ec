// node's own server with the handler of bench/hello.js: no sandbox, no tenants, one process for all code.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  response.statusCode = 200;
  response.end();
});
server.listen(Number(process.argv[2]), '127.0.0.1');
