// A failure of code at the top level of a module, at its place in the author's sources. Engines run that code once, at build time.
import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { originalPlace } from './source_map.mjs';

/** What an error of a build step becomes: it has `problem`, in the form of problems.mjs. */
export class StepFailed extends Error {
  constructor(problem) {
    super(problem.text);
    this.problem = problem;
  }
}

const FRAME = /(?:user|main|handler)\.js:(\d+):(\d+)/g;
const THROWN = /((?:\w*Error|Exception)?: ?[^\n]*)\n(?:\s+at [^\n]*\n?)+/;
const HOST_CALL = /unknown import: `([^`#]+)#([^`]+)`/;

/** The innermost place in the author's own files that the stack in `text` names. */
async function placeOf(request, text) {
  const map = JSON.parse(await readFile(`${request.bundle}.map`, 'utf8'));
  for (const [, line, column] of text.matchAll(FRAME)) {
    const place = originalPlace(map, Number(line), Number(column));
    const file = place === null ? null : resolve(request.project, place.source);
    if (file === null || relative(request.project, file).startsWith('..') || file.includes('node_modules') || file.endsWith('holdfast-entry.js')) continue;
    const source = (await readFile(file, 'utf8').catch(() => '')).split('\n')[place.line - 1] ?? null;
    return { file, line: place.line, column: place.column, source };
  }
  return { file: null, line: null, column: null, source: null };
}

/** The failure `error` of an engine while it evaluated the bundle of `request`. */
export async function evaluationProblem(request, error) {
  const text = String(error?.message ?? error);
  const place = await placeOf(request, text).catch(() => ({ file: null, line: null, column: null, source: null }));
  const call = HOST_CALL.exec(text);
  if (call !== null) {
    const name = call[2].replace(/\[[^\]]*\]/g, '');
    return new StepFailed({ ...place, text: `Failed to evaluate the module: code at its top level calls the host (${call[1]}, ${name}).` });
  }
  const thrown = THROWN.exec(text);
  const message = thrown === null ? text.split('\n')[0] : thrown[1].replace(/^.*(?:Error|Exception): ?(?=\S)/, '').trim();
  return new StepFailed({ ...place, text: `Failed to evaluate the module: ${message || text.trim()}` });
}
