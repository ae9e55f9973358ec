// Bundles a handler with the SDK into one module, and adds the table that maps its lines to the author's.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { bundle, shared } from './bundling.mjs';
import { problems } from './problems.mjs';
import { programOf } from './program.mjs';
import { names, standards } from './standards/plugin.mjs';
import { lineTable } from './source_map.mjs';

/** Files that a handler imports as text, and as bytes. */
const TEXT = ['.html', '.htm', '.txt', '.md', '.sql', '.graphql', '.gql', '.csv', '.xml', '.svg', '.css', '.hbs', '.mustache', '.liquid', '.yaml', '.yml'];
const BYTES = ['.bin', '.dat', '.png', '.jpg', '.jpeg', '.gif', '.webp', '.ico', '.pdf', '.ttf', '.otf', '.woff', '.woff2', '.zip', '.wasm'];
const LOADERS = Object.fromEntries([...TEXT.map((suffix) => [suffix, 'text']), ...BYTES.map((suffix) => [suffix, 'binary'])]);

const ENTRY = 'holdfast-entry.js';

/** Options of esbuild for `request`. `record` is the plugin that records what is read. */
function optionsOf(request, record) {
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
    jsx: 'automatic',
    loader: LOADERS,
    supported: request.supported,
    external: ['alga:*', 'wasi:*', 'holdfast:*'],
    define: { 'process.env.NODE_ENV': '"production"', ...request.define },
    plugins: [names(request), record],
  };
  return {
    ...options,
    stdin: { contents: request.entry, resolveDir: request.project, sourcefile: ENTRY, loader: 'js' },
    plugins: [standards(request, options), ...options.plugins],
    sourcemap: 'external',
    sourcesContent: false,
  };
}

/**
 * request: {project, alias, entry, author, engine, web, supported, define, minify, form, out}. Writes the bundle to the file `out`: a
 * module, or with the form `program` what the development component loads. Its source map is in `out`.map. `entry` is the text of a module
 * that imports the author's module `author`, and the standards that it needs (standards/plugin.mjs) from the SDK's folder `web`.
 * Returns {reads, sha256, warnings}.
 */
export async function bundleHandler(request) {
  const result = await bundle(request, (record) => optionsOf(request, record));
  const text = result.outputFiles.find((file) => file.path.endsWith('.map')).text;
  const code = result.outputFiles.find((file) => file.path.endsWith('main.js')).text;
  const table = lineTable(JSON.parse(text), (name) => {
    const path = relative(request.project, resolve(request.project, name));
    return path.startsWith('..') || path.includes('node_modules') || path === ENTRY ? null : path;
  });
  const made = request.form === 'program' ? programOf(code, table) : `${code}\nglobalThis.__holdfastLines = ${JSON.stringify(table)};\n`;
  await Promise.all([writeFile(request.out, made), writeFile(`${request.out}.map`, text)]);
  return {
    reads: result.reads,
    sha256: createHash('sha256').update(made).digest('hex'),
    warnings: problems(request.project, result.warnings),
  };
}
