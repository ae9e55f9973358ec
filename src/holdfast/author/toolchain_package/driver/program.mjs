// A handler's bundle as a program that the development component loads: one expression, a function of `require` and `module`.

/** `table` maps the lines of `code`. The first line of the program is not the author's, so every line comes one later. */
export function programOf(code, [sources, runs]) {
  const table = [sources, runs.map(([first, ...rest]) => [first + 1, ...rest])];
  return `globalThis.__holdfastLines = ${JSON.stringify(table)}; (function (require, module) { 'use strict';\n${code}\n})`;
}
