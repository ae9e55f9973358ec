// QuickJS, by componentize-qjs.
import { componentize as build } from 'componentize-qjs';
import { deepenStack } from './deep_stack.mjs';

export async function componentize({ source, wit, world }) {
  const { component } = await build({ witPath: wit, world, jsSource: source, sync: true });
  return deepenStack(component);
}
