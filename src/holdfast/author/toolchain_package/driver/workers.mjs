// Finds workers that a page starts from a file. A page has an opaque origin, so the browser refuses the worker's file as one of another origin.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

const FROM_FILE = /\bnew\s+(?:(?:globalThis|window|self)\.)?(?:Shared)?Worker\s*\(\s*(?:new\s+URL\s*\(\s*)?(["'`])(?!blob:|data:)[^"'`\n]+\1/g;
const TEXT = 'A page cannot start a worker from a file: its frame has an opaque origin, and browsers refuse files of another origin.';

/** The workers in the sources of a bundle, as messages of esbuild; nothing unless `outputs` still start one. */
export async function findWorkers(project, metafile, outputs) {
  // In the output, because it has no comments and no code that is not used.
  if (!outputs.some((file) => file.path.endsWith('.js') && matches(file.text).length > 0)) return [];
  const sources = Object.keys(metafile.inputs).filter((name) => /\.[cm]?[jt]sx?$/.test(name));
  const found = await Promise.all(sources.map(async (name) => inSource(name, await readFile(resolve(project, name), 'utf8').catch(() => ''))));
  return found.flat();
}

/** Whether a message is about a package, which may do without its worker. */
export function isOfPackage(message) {
  return message.location.file.split('/').includes('node_modules');
}

function matches(text) {
  return [...text.matchAll(FROM_FILE)];
}

function inSource(file, text) {
  return matches(text).map(({ index }) => {
    const start = text.lastIndexOf('\n', index) + 1;
    const lineText = text.slice(start).split(/\r?\n/, 1)[0];
    const line = text.slice(0, start).split('\n').length;
    return { text: TEXT, location: { file, line, column: index - start, lineText }, notes: [] };
  });
}
