// Makes a component of a bundled handler, with the engine that the request names.
import { readFile, writeFile } from 'node:fs/promises';
import { evaluationProblem } from './evaluation.mjs';

/** Modules of engines. Each exports `componentize({source, wit, world, request})`, which returns the bytes of a component. */
const ENGINES = { quickjs: './engines/quickjs.mjs', starlingmonkey: './engines/starlingmonkey.mjs' };

/** request: {project, engine, packages, bundle, wit, world, out}; `packages` is the folder with the packages of the engine.
 * Reads the file `bundle`, writes the component to the file `out`. */
export async function componentize(request) {
  const engine = await import(ENGINES[request.engine]);
  const source = await readFile(request.bundle, 'utf8');
  try {
    await writeFile(request.out, await engine.componentize({ source, wit: request.wit, world: request.world, request }));
  } catch (error) {
    throw await evaluationProblem(request, error);
  }
  return {};
}
