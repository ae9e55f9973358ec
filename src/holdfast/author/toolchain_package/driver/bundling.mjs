// Runs esbuild, keeps what it parsed for the next time, and records which files it read and in which state.
//
//   request ──same options as last time──▶ rebuild    only changed files are parsed again
//           └─other options──▶ new context ──▶ rebuild, the old context is disposed
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import * as esbuild from 'esbuild';

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

/** A file that changed less than this before it was read can change again within the same tick of the file system's clock. */
const SETTLED_MS = 50;

/** The content of a file and its state: [sha256, [mtime, size, inode, ctime] in ns as text, or null if they do not stand for the content]. */
async function readWithState(path) {
  // Before the content: a change in between is then found by the next check.
  const found = await stat(path, { bigint: true });
  const settled = Date.now() - Number(found.ctimeNs / 1_000_000n) > SETTLED_MS;
  const contents = await readFile(path);
  const sha256 = createHash('sha256').update(contents).digest('hex');
  const stamp = [found.mtimeNs, found.size, found.ino, found.ctimeNs].map(String);
  return { contents, state: [sha256, settled ? stamp : null] };
}

function recorder() {
  const reads = {};
  const setup = (build) => {
    build.onLoad({ filter: /.*/, namespace: 'file' }, async ({ path }) => {
      try {
        const { contents, state } = await readWithState(path);
        // Read twice with different contents: what the bundle was made of is neither, so the file counts as changed.
        reads[path] = path in reads && reads[path][0] !== state[0] ? ['', null] : state;
        return { contents, loader: 'default' };
      } catch {
        return undefined; // esbuild reports it with the import that names it
      }
    });
  };
  const reset = () => Object.keys(reads).forEach((path) => delete reads[path]);
  return { reads, reset, plugin: { name: 'holdfast-inputs', setup } };
}

const contexts = new Map();

/** The context for `request`; `optionsWith(plugin)` returns the options of esbuild, with the plugin that records after all others. */
async function contextFor(request, optionsWith) {
  const key = JSON.stringify({ ...request, id: null, out: null });
  const open = contexts.get(request.mode);
  if (open?.key === key) return open;
  const record = recorder();
  const opened = { key, record, context: await esbuild.context(optionsWith(record.plugin)) };
  contexts.get(request.mode)?.context.dispose();
  contexts.set(request.mode, opened);
  return opened;
}

async function rebuild(request, optionsWith) {
  const { context, record } = await contextFor(request, optionsWith);
  record.reset();
  try {
    return { ...(await context.rebuild()), reads: { ...record.reads } };
  } catch (error) {
    throw Object.assign(error, { reads: { ...record.reads } });
  }
}

const last = new Map();

/** The result of esbuild for `request`, and `reads`: the state of each file by its path. An error has `reads` too. */
export function bundle(request, optionsWith) {
  // One after the other: two rebuilds of one context at the same time would be one, and the second would miss the latest changes.
  const before = last.get(request.mode) ?? Promise.resolve();
  const result = before.then(() => rebuild(request, optionsWith));
  last.set(request.mode, result.catch(() => undefined));
  return result;
}
