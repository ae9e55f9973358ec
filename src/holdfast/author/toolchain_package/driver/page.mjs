// Bundles the script of a page, with the styles and files that it imports.
import * as esbuild from 'esbuild';
import { inputsOf, shared } from './bundling.mjs';
import { problems } from './problems.mjs';

/** request: {project, alias, entries: {name: file}, out}. Writes to the folder `out`. Returns {inputs, warnings}. */
export async function buildPage(request) {
  const result = await esbuild.build({
    ...shared(request),
    write: true,
    entryPoints: request.entries,
    outdir: request.out,
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    minify: true,
    loader: { '.svg': 'file', '.png': 'file', '.jpg': 'file', '.gif': 'file', '.webp': 'file', '.woff2': 'file' },
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  return { inputs: inputsOf(request, result.metafile), warnings: problems(request.project, result.warnings) };
}
