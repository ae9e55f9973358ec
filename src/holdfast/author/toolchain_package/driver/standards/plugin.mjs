// The esbuild plugin that gives a handler its web standards and the modules of Node:
//
//   import "holdfast:standards"  ──▶ the modules of the SDK's src/web that the program needs (scan.mjs)
//   @toolchain/NAME              ──▶ the package NAME of the build tools, for the SDK's own modules
//   @unicode/normalization       ──▶ tables that the engine does not have (unicode.mjs)
//   node:NAME, NAME              ──▶ node_names.mjs, unless the project has installed a package of that name
import { builtinModules, createRequire } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { adapt } from './adapted.mjs';
import { UNICODE_PROPERTIES, modulesFor } from './globals.mjs';
import { ABSENT, NODE_MODULES } from './node_names.mjs';
import { absentModule } from './absent.mjs';
import { scan } from './scan.mjs';
import { normalizationModule, problemsOfExpressions, propertiesOf } from './unicode.mjs';

const TOOLCHAIN = createRequire(import.meta.url).resolve('esbuild/package.json').split(`${sep}node_modules${sep}`)[0];
const PLAIN_BUILTINS = new Set(builtinModules.filter((name) => !name.startsWith('_')));

/** Resolves names of Node and of the build tools. `web` is the folder of the SDK's modules. */
export function names({ web, project, engine }) {
  return {
    name: 'holdfast-names',
    setup(build) {
      if (engine === 'starlingmonkey') {
        build.onResolve({ filter: /\/clock\/timers\.ts$/ }, () => ({ path: join(web, 'clock', 'native_timers.ts') }));
      }
      build.onResolve({ filter: /^@toolchain\// }, ({ path, kind }) =>
        build.resolve(path.slice('@toolchain/'.length), { resolveDir: TOOLCHAIN, kind, pluginData: { own: true } }),
      );
      const ofNode = (name, kind) => {
        const found = NODE_MODULES[name];
        if (found === undefined) return { path: name, namespace: 'holdfast-absent', sideEffects: false };
        // `require` gives what a module of Node exports as a whole, which may be a function.
        if (kind === 'require-call') return { path: name, namespace: 'holdfast-required' };
        if (!found.startsWith('@toolchain/')) return { path: join(web, found), sideEffects: found === 'node/buffer_module.ts' ? undefined : false };
        return build.resolve(found.slice('@toolchain/'.length), { resolveDir: TOOLCHAIN, kind, pluginData: { own: true } });
      };
      build.onResolve({ filter: /^node:/ }, ({ path, kind }) => ofNode(path.slice('node:'.length), kind));
      build.onResolve({ filter: /^[a-z_][a-z0-9_/]*\/?$/ }, async ({ path, kind, resolveDir, pluginData }) => {
        const name = path.replace(/\/$/, '');
        if (pluginData?.own || !PLAIN_BUILTINS.has(name)) return undefined;
        // A package of that name in the project wins, as it does for every other bundler.
        const installed = await build.resolve(`${name}/`, { resolveDir, kind, pluginData: { own: true } });
        return installed.errors.length === 0 ? installed : ofNode(name, kind);
      });
      build.onLoad({ filter: /./, namespace: 'holdfast-required' }, ({ path }) => ({
        contents: `const all = require(${JSON.stringify(NODE_MODULES[path].startsWith('@') ? NODE_MODULES[path] : join(web, NODE_MODULES[path]))}); module.exports = all['module.exports'] ?? all.default ?? all;`,
        resolveDir: web,
        loader: 'js',
      }));
      build.onResolve({ filter: /^@unicode\/normalization$/ }, () => ({ path: 'normalization', namespace: 'holdfast-unicode' }));
      build.onLoad({ filter: /./, namespace: 'holdfast-unicode' }, () => ({ contents: normalizationModule(), loader: 'js' }));
      build.onLoad({ filter: /./, namespace: 'holdfast-absent' }, ({ path }) => absentModule(path, ABSENT[path]));
      // The URL parser asks for the encodings of Asia only for forms in pages that are written in them.
      build.onResolve({ filter: /^@exodus\/bytes\/encoding\.js$/ }, ({ importer, kind }) =>
        importer.includes(`${sep}whatwg-url${sep}`) ? build.resolve('@exodus/bytes/encoding-lite.js', { resolveDir: TOOLCHAIN, kind, pluginData: { own: true } }) : undefined,
      );
      adapt(build, TOOLCHAIN);
    },
  };
}

/** Links the standards that the program `entry` needs. `options` are those of the build, with the plugin `names`. */
export function standards({ web, project, author, engine }, options) {
  return {
    name: 'holdfast-standards',
    setup(build) {
      build.onResolve({ filter: /^holdfast:standards$/ }, () => ({ path: 'standards', namespace: 'holdfast-standards' }));
      build.onLoad({ filter: /./, namespace: 'holdfast-standards' }, async () => {
        let found;
        try {
          found = await scan({ ...options, entryPoints: [resolve(project, author)] });
        } catch (error) {
          // The build that this is a part of finds the same errors, at their places.
          if (error.errors === undefined) throw error;
          return { contents: '', loader: 'js' };
        }
        const { used, text } = found;
        const modules = modulesFor(used, text, engine);
        const lines = modules.map((name) => `import ${JSON.stringify(join(web, name))};`);
        if (modules.includes(UNICODE_PROPERTIES)) {
          lines.push(`import { know } from ${JSON.stringify(join(web, UNICODE_PROPERTIES))};`, `know(${JSON.stringify(propertiesOf(text))});`);
        }
        const problems = engine === 'starlingmonkey' ? problemsOfExpressions(text) : {};
        return { contents: lines.join('\n'), resolveDir: project, loader: 'js', ...problems };
      });
    },
  };
}
