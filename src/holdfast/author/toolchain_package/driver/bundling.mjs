// What all bundles have in common.
import { resolve } from 'node:path';

/** Options of esbuild for every bundle of `request`. */
export function shared(request) {
  return {
    absWorkingDir: request.project,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    logLevel: 'silent',
    alias: request.alias,
    nodePaths: [],
    charset: 'utf8',
  };
}

/** The files that a bundle was made of, absolute, without modules that only exist in a request. */
export function inputsOf(request, metafile) {
  return Object.keys(metafile.inputs)
    .filter((name) => !name.includes('holdfast-entry.js') && !name.startsWith('<') && !name.startsWith('(disabled)') && !/^holdfast-\w+:/.test(name))
    .map((name) => resolve(request.project, name.replace(/^[a-z-]{2,}:/, '')));
}
