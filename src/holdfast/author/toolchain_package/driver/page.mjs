// Bundles the script of a page, with the styles and files that it imports.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { bundle, shared } from './bundling.mjs';
import { problems } from './problems.mjs';
import { findWorkers, isOfPackage } from './workers.mjs';

const FILES = ['.svg', '.png', '.jpg', '.jpeg', '.gif', '.webp', '.avif', '.ico', '.woff', '.woff2', '.ttf', '.otf', '.eot'];
const MEDIA = ['.mp3', '.mp4', '.webm', '.ogg', '.wav', '.pdf', '.wasm'];
const LOADERS = Object.fromEntries([...FILES, ...MEDIA].map((suffix) => [suffix, 'file']));

/** Where the outputs would be; the same for every build, so that esbuild can keep what it parsed. */
const OUT = '/holdfast-page';

const PRODUCTION = {
  'process.env.NODE_ENV': '"production"',
  'import.meta.env.PROD': 'true',
  'import.meta.env.DEV': 'false',
  'import.meta.env.MODE': '"production"',
  'import.meta.env.BASE_URL': '"./"',
};

/** request: {project, alias, entries: {name: file}, out}. Writes to the folder `out`. Returns {reads, outputs: [name, …], warnings}. */
export async function buildPage(request) {
  const result = await bundle(request, (record) => ({
    ...shared(request),
    entryPoints: request.entries,
    outdir: OUT,
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    minify: true,
    loader: { ...LOADERS, '.txt': 'text', '.md': 'text', '.html': 'text' },
    define: PRODUCTION,
    plugins: [record],
  }));
  const workers = await findWorkers(request.project, result.metafile, result.outputFiles);
  const own = workers.filter((message) => !isOfPackage(message));
  if (own.length > 0) throw Object.assign(new Error(own[0].text), { errors: own, reads: result.reads });
  const names = result.outputFiles.map((file) => relative(OUT, file.path));
  await Promise.all(
    result.outputFiles.map(async (file, index) => {
      const path = join(request.out, names[index]);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.contents);
    }),
  );
  return { reads: result.reads, outputs: names, warnings: problems(request.project, [...result.warnings, ...workers]) };
}
