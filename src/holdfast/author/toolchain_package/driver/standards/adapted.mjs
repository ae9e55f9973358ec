// Loads some files of the build tools' packages in a form that suits the engine:
// - the tables of tr46 as text that is parsed when a name needs them: as values they would be 5 MB of every component
// - whatwg-url without the look at the prototype of async generators, which are ordinary functions once they are translated
// - @exodus/bytes in its plain form: the one for browsers trusts that there is a TextDecoder already
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

function lazyArray(json) {
  return `const text = ${JSON.stringify(json)};
let table;
const parsed = () => (table ??= JSON.parse(text));
module.exports = new Proxy([], { get: (_, key) => parsed()[key] });`;
}

function lazyExpressions(source) {
  const lines = [...source.matchAll(/^const (\w+) = \/(.*)\/(\w*);$/gm)].map(
    ([, name, pattern, flags]) => `lazy(${JSON.stringify(name)}, ${JSON.stringify(pattern)}, ${JSON.stringify(flags)});`,
  );
  return `const known = {};
const lazy = (name, pattern, flags) => Object.defineProperty(exports, name, { enumerable: true, get: () => (known[name] ??= new RegExp(pattern, flags)) });
${lines.join('\n')}`;
}

const withoutAsyncPrototype = (source) => source.replace(/^const AsyncIteratorPrototype = .*$/m, 'const AsyncIteratorPrototype = {};');

const PLAIN = ['utf16', 'fallback/platform', 'fallback/utf8.auto'];

const ADAPTED = [
  [['tr46', 'lib', 'mappingTable.json'], lazyArray],
  [['tr46', 'lib', 'regexes.js'], lazyExpressions],
  [['whatwg-url', 'lib', 'utils.js'], withoutAsyncPrototype],
];

/** Adds the files to `build`. `toolchain` is the folder with the packages of the build tools. */
export function adapt(build, toolchain) {
  const files = new Map(ADAPTED.map(([path, change]) => [join(toolchain, 'node_modules', ...path), change]));
  build.onLoad({ filter: /[\\/](?:tr46|whatwg-url)[\\/]lib[\\/](?:mappingTable\.json|regexes\.js|utils\.js)$/ }, async ({ path }) => {
    const change = files.get(path);
    return change === undefined ? undefined : { contents: change(await readFile(path, 'utf8')), loader: 'js' };
  });
  const plain = new Map(PLAIN.map((name) => join(toolchain, 'node_modules', '@exodus', 'bytes', `${name}.`)).map((path) => [`${path}browser.js`, `${path}js`]));
  build.onLoad({ filter: /[\\/]@exodus[\\/]bytes[\\/].*\.browser\.js$/ }, async ({ path }) =>
    plain.has(path) ? { contents: await readFile(plain.get(path), 'utf8'), loader: 'js' } : undefined,
  );
}
