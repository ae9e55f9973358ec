// Bundles a handler with the SDK into one module, and adds the table that maps its lines to the author's.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import * as esbuild from 'esbuild';
import { inputsOf, shared } from './bundling.mjs';
import { lineTable } from './line_table.mjs';
import { problems } from './problems.mjs';
import { programOf } from './program.mjs';
import { names, standards } from './standards/plugin.mjs';

/**
 * request: {project, alias, entry, author, engine, web, supported, out, form}. Writes the bundle to `out`: a module, or with the form
 * `program` what the development component loads. `entry` is the text of a module that imports the author's module `author`, and the
 * standards that it needs (standards/plugin.mjs) from the SDK's folder `web`.
 * Returns {inputs, sha256, warnings}.
 */
export async function bundleHandler(request) {
  const options = {
    ...shared(request),
    outfile: resolve(request.project, 'main.js'),
    ...(request.form === 'program' ? { format: 'cjs' } : {}),
    minifyWhitespace: request.minify === true,
    platform: 'neutral',
    // What packages offer for browsers and workers suits a component better than what they offer for Node.
    mainFields: ['browser', 'module', 'main'],
    conditions: ['worker', 'browser', 'module', 'import', 'default'],
    target: 'es2023',
    supported: request.supported,
    external: ['alga:*', 'wasi:*', 'holdfast:*'],
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [names(request)],
  };
  const result = await esbuild.build({
    ...options,
    stdin: { contents: request.entry, resolveDir: request.project, sourcefile: 'holdfast-entry.js', loader: 'js' },
    plugins: [...options.plugins, standards(request, options)],
    sourcemap: 'external',
    sourcesContent: false,
  });
  const map = JSON.parse(result.outputFiles.find((file) => file.path.endsWith('.map')).text);
  const code = result.outputFiles.find((file) => file.path.endsWith('main.js')).text;
  const table = lineTable(map, (name) => {
    const path = relative(request.project, resolve(request.project, name));
    return path.startsWith('..') || path.includes('node_modules') || path === 'holdfast-entry.js' ? null : path;
  });
  const bundle = request.form === 'program' ? programOf(code, table) : `${code}\nglobalThis.__holdfastLines = ${JSON.stringify(table)};\n`;
  await writeFile(request.out, bundle);
  return {
    inputs: inputsOf(request, result.metafile),
    sha256: createHash('sha256').update(bundle).digest('hex'),
    warnings: problems(request.project, result.warnings),
  };
}
