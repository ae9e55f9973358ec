// Finds the globals that a program uses. The bundler knows best: it replaces every free identifier by an import from an injected
// module, and only those that it needed are in its output.
import * as esbuild from 'esbuild';
import { NAMES } from './globals.mjs';

const MARK = 'holdfast-uses:';
const OBJECTS = ['globalThis', 'self', 'window', 'global'];

/** A module that exports every global under its name, and under `globalThis.` and its like, with a value that the output shows. */
function probe(names) {
  const lines = names.map((name, at) => `const g${at} = ${JSON.stringify(MARK + name)};`);
  const exports = names.flatMap((name, at) => [name, ...OBJECTS.map((object) => `${object}.${name}`)].map((as) => `g${at} as ${JSON.stringify(as)}`));
  return [...lines, `export { ${exports.join(', ')} };`].join('\n');
}

/** The names among `names` that occur as words in `text`: for programs that hand the global object around, so that no name is certain. */
function mentioned(text, names) {
  return names.filter((name) => new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(text));
}

/**
 * Bundles the program with `options` of esbuild, once, without a source map. Returns {used: Set of names, text: its code}. Throws as esbuild does.
 */
export async function scan(options, names = NAMES) {
  const plugin = {
    name: 'holdfast-probe',
    setup(build) {
      build.onResolve({ filter: /^holdfast-probe$/ }, () => ({ path: 'probe', namespace: 'holdfast-probe' }));
      build.onLoad({ filter: /./, namespace: 'holdfast-probe' }, () => ({ contents: probe(names), loader: 'js' }));
    },
  };
  const bundle = async (inject, plugins) => {
    const result = await esbuild.build({ ...options, sourcemap: false, metafile: false, legalComments: 'none', inject, plugins });
    return result.outputFiles[0].text;
  };
  const own = options.plugins ?? [];
  let text;
  try {
    text = await bundle(['holdfast-probe'], [plugin, ...own]);
  } catch (error) {
    // A program that assigns to one of the names cannot have an import in its place; then every mention counts.
    if (!error.errors?.some((one) => /Cannot assign to/.test(one.text))) throw error;
    text = await bundle([], own);
    return { used: new Set(mentioned(text, names)), text };
  }
  const used = new Set([...text.matchAll(new RegExp(`${MARK}([\\w$]+)`, 'g'))].map((match) => match[1]));
  // `'crypto' in globalThis`, `const { URL } = globalThis`, `root.Buffer` with `root = globalThis`.
  if (/(?<![\w$.])(?:globalThis|self|global|window)(?![\w$]|\s*\.\s*[\w$])/.test(text)) {
    for (const name of mentioned(text.replaceAll(new RegExp(`${MARK}[\\w$]+`, 'g'), ''), names)) used.add(name);
  }
  return { used, text };
}
