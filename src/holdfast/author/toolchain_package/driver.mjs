// Runs in the installed toolchain: bundles with esbuild and creates a component. Reads one JSON request from
// stdin and writes one JSON response to stdout: {"ok": true, …} or {"ok": false, "errors": [{text, file, line, column, source}]}.
import { writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import * as esbuild from 'esbuild';

const request = JSON.parse(await readStdin());

async function readStdin() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function respond(value) {
  process.stdout.write(JSON.stringify(value));
}

function problems(messages) {
  return messages.map(({ text, location, notes }) => ({
    text: [text, ...(notes ?? []).map((note) => note.text)].join('\n'),
    file: location === null ? null : resolve(request.project, location.file),
    line: location?.line ?? null,
    column: location === null ? null : location.column + 1,
    source: location?.lineText ?? null,
  }));
}

const shared = {
  absWorkingDir: request.project,
  bundle: true,
  write: false,
  format: 'esm',
  logLevel: 'silent',
  alias: request.alias,
  nodePaths: [],
  charset: 'utf8',
};

/** The source line of each line of the bundle, as runs: [first line, source, first line in it, lines]. */
function lineTable(map, own) {
  const sources = [];
  const runs = [];
  let [source, line] = [0, 0];
  const indexOf = new Map();
  map.mappings.split(';').forEach((segments, generated) => {
    let first = null;
    for (const segment of segments === '' ? [] : segments.split(',')) {
      const [, sourceDelta, lineDelta] = decodeVlq(segment);
      if (sourceDelta === undefined) continue;
      source += sourceDelta;
      line += lineDelta;
      first ??= [source, line];
    }
    if (first === null) return;
    const name = own(map.sources[first[0]]);
    if (name === null) return;
    if (!indexOf.has(name)) indexOf.set(name, sources.push(name) - 1);
    const [at, index, original] = [generated + 1, indexOf.get(name), first[1] + 1];
    const last = runs.at(-1);
    if (last !== undefined && last[1] === index && last[0] + last[3] === at && last[2] + last[3] === original) last[3]++;
    else runs.push([at, index, original, 1]);
  });
  return [sources, runs];
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function decodeVlq(text) {
  const values = [];
  let [value, shift] = [0, 0];
  for (const character of text) {
    const digit = DIGITS.indexOf(character);
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit < 32) {
      values.push(value & 1 ? -(value >>> 1) : value >>> 1);
      [value, shift] = [0, 0];
    }
  }
  return values;
}

async function buildComponent() {
  const result = await esbuild.build({
    ...shared,
    stdin: { contents: request.entry, resolveDir: request.project, sourcefile: 'holdfast-entry.js', loader: 'js' },
    outfile: resolve(request.project, 'main.js'),
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['module', 'import', 'default'],
    target: 'es2023',
    // The engine never runs the jobs of its own promises; lowered async functions use the SDK's promises.
    supported: { 'async-await': false, 'async-generator': false, 'for-await': false, 'top-level-await': false },
    external: ['alga:*', 'wasi:*'],
    inject: [request.inject],
    define: { 'process.env.NODE_ENV': '"production"' },
    sourcemap: 'external',
    sourcesContent: false,
  });
  const map = JSON.parse(result.outputFiles.find((file) => file.path.endsWith('.map')).text);
  const code = result.outputFiles.find((file) => file.path.endsWith('main.js')).text;
  const table = lineTable(map, (name) => {
    const path = relative(request.project, resolve(request.project, name));
    return path.startsWith('..') || path.includes('node_modules') || path === 'holdfast-entry.js' ? null : path;
  });
  const { componentize } = await import('componentize-qjs');
  const { component } = await componentize({
    witPath: request.wit,
    world: 'build',
    jsSource: `${code}\nglobalThis.__holdfastLines = ${JSON.stringify(table)};\n`,
    sync: true,
  });
  await writeFile(request.out, component);
  respond({ ok: true, warnings: problems(result.warnings) });
}

async function buildPage() {
  const result = await esbuild.build({
    ...shared,
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
  respond({ ok: true, warnings: problems(result.warnings) });
}

try {
  await (request.mode === 'component' ? buildComponent() : buildPage());
} catch (error) {
  const errors = error.errors ? problems(error.errors) : [{ text: String(error.message ?? error), file: null, line: null, column: null, source: null }];
  respond({ ok: false, errors });
}
