// Errors and warnings of the tools in one form: {text, file, line, column, source}, lines and columns from 1, files absolute.
import { resolve } from 'node:path';

/** The messages of esbuild. */
export function problems(project, messages) {
  return messages.map(({ text, location, notes }) => ({
    text: [text, ...(notes ?? []).map((note) => note.text)].join('\n'),
    file: location === null ? null : resolve(project, location.file),
    line: location?.line ?? null,
    column: location === null ? null : location.column + 1,
    source: location?.lineText ?? null,
  }));
}

/** Whatever a step threw. */
export function problemsOf(request, error) {
  if (error?.errors) return problems(request.project, error.errors);
  if (error?.problem) return [error.problem];
  return [{ text: String(error?.message ?? error), file: null, line: null, column: null, source: null }];
}
