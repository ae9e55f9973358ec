// node build.mjs HANDLER.js WIT OUT.wasm [FEATURE…]: makes a component, with the named features of the engine disabled.
import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [sourcePath, witPath, out, ...disableFeatures] = process.argv.slice(2);
const { component } = await componentize({ sourcePath, witPath, worldName: 'runner', disableFeatures });
await writeFile(out, component);
