// Modules of Node that a component cannot have. A program may import them, because many do so for a case that never comes; a use throws.
import { builtinModules } from 'node:module';

const sentence = (module, name, instead) =>
  `${name} of node:${module} is unavailable: an extension has no ${/^(fs|os)/.test(module) ? 'operating system' : 'Node'} below it.${instead ? ` ${instead}` : ''}`;

function valueOf(module, name, value, instead) {
  if (['string', 'number', 'boolean'].includes(typeof value)) return JSON.stringify(value);
  const message = JSON.stringify(sentence(module, name, instead));
  if (typeof value === 'function') return `function ${/^[A-Za-z_$][\w$]*$/.test(name) ? `$${name}` : ''}() { throw new Error(${message}); }`;
  return `new Proxy({}, { get(_, key) { if (typeof key === 'symbol') return undefined; throw new Error(${message}); } })`;
}

/** The source of the module `name`: each of its exports, so that imports by name link. */
export async function absentModule(name, instead) {
  if (!builtinModules.includes(name)) {
    return { errors: [{ text: `Could not resolve "node:${name}": Node has no such module` }] };
  }
  const real = await import(`node:${name}`);
  const names = Object.keys(real).filter((key) => key !== 'default' && key !== 'module.exports');
  const lines = names.map((key) => `exports[${JSON.stringify(key)}] = ${valueOf(name, key, real[key], instead)};`);
  return { contents: lines.join('\n'), loader: 'js' };
}
