// The build tools as a warm process: `node serve.mjs FD`. One JSON request a line comes in on the socket FD, one JSON
// response a line goes out: {id, ok: true, …} or {id, ok: false, errors: [{text, file, line, column, source}], reads}. Requests overlap.
//
//   line ──▶ mode ──▶ bundle | componentize | page ──▶ line
//   end of the socket: the process that started this one is gone ──▶ SIGKILL to itself
import { Socket } from 'node:net';
import { buildPage } from './page.mjs';
import { bundleHandler } from './handler.mjs';
import { componentize } from './componentize.mjs';
import { problemsOf } from './problems.mjs';

const MODES = { bundle: bundleHandler, componentize, page: buildPage };

const socket = new Socket({ fd: Number(process.argv[2]), readable: true, writable: true });
// Nothing holds this process: an endless loop in a thread of a compiler would keep an ordinary exit waiting.
const end = () => process.kill(process.pid, 'SIGKILL');
socket.on('end', end).on('error', end);

async function answer(line) {
  const request = JSON.parse(line);
  let response;
  try {
    response = { ok: true, ...(await MODES[request.mode](request)) };
  } catch (error) {
    response = { ok: false, errors: problemsOf(request, error), reads: error?.reads ?? {} };
  }
  socket.write(`${JSON.stringify({ id: request.id, rss: process.memoryUsage.rss(), ...response })}\n`);
}

let pending = '';
socket.setEncoding('utf8').on('data', (text) => {
  const lines = (pending + text).split('\n');
  pending = lines.pop();
  lines.forEach(answer);
});
