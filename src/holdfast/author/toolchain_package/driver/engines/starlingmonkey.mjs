// StarlingMonkey, by componentize-js.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The world of this engine for each world of the SDK. It links WASI itself, in its own versions, so its worlds contain none. */
const WORLDS = { build: 'runner', development: 'plain-development' };

/** An import of the host: esbuild writes each on a line of its own, or after a semicolon when it removes white space. */
const IMPORT = /(?<=^|;)import\s*(\*\s*as\s+)?([\w$]+)\s*from\s*"((?:alga|wasi|holdfast):[^"]+)"/gm;

/** What the SDK uses of WASI, made of what the engine has. `native` is from before the SDK replaced any global. */
const NATIVE = [
  [/^wasi:cli\/stderr@/, '{ getStderr: () => ({ blockingWriteAndFlush: (bytes) => native.console.error(new TextDecoder().decode(bytes).trimEnd()) }) }'],
  [/^wasi:random\/random@/, '{ getRandomBytes: (length) => native.crypto.getRandomValues(new Uint8Array(length)) }'],
  [/^wasi:clocks\/monotonic-clock@/, '{ now: () => native.performance.now() * 1e6 }'],
];

/** The bundle for this engine: interfaces have no default export here. Every line stays where it is. */
function adapt(source) {
  const adapted = source.replace(IMPORT, (whole, _all, name, module) => {
    const own = NATIVE.find(([pattern]) => pattern.test(module))?.[1];
    return own === undefined ? `import * as ${name} from "${module}"` : `const ${name} = ${own}`;
  });
  return `const native = { console, crypto, performance }; ${adapted}`;
}

const UNAVAILABLE = /attempted to call an unknown imported function: '([^'@]+)[^']*' '([^']+)'/;

/** The error of the tool, in the form in which QuickJS's tool writes it: evaluation.mjs finds the place and the words. */
function explain(error) {
  const text = String(error?.message ?? error);
  const [, module, name] = UNAVAILABLE.exec(text) ?? [];
  if (module !== undefined) return new Error(`unknown import: \`${module}#${name}\``);
  const [, position, message] = /Exception while evaluating top-level script\n(\S+:\d+:\d+) (.*)/.exec(text) ?? [];
  return position === undefined ? error : new Error(`${message}\n    at ${position}\n`);
}

export async function componentize({ source, wit, world, request }) {
  const entry = join(request.packages, 'node_modules', '@bytecodealliance', 'componentize-js', 'src', 'componentize.js');
  const { componentize: build } = await import(pathToFileURL(entry));
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-starlingmonkey-'));
  try {
    const sourcePath = join(folder, 'main.js');
    await writeFile(sourcePath, adapt(source));
    // Network access of the engine's own would bypass what an install was granted; `fetch` is the SDK's.
    const { component } = await build({ sourcePath, witPath: wit, worldName: WORLDS[world], disableFeatures: ['http', 'fetch-event'] });
    return component;
  } catch (error) {
    throw explain(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
