// Formats an error for the author: name, message, stack in positions of the sources, causes.

/** The build appends this table to the bundle: [sources, [[first line of the bundle, source, first line in it, lines]…]]. */
type LineTable = [string[], [number, number, number, number][]];

declare global {
  var __holdfastLines: LineTable | undefined;
}

function sourcePosition(line: number): string | undefined {
  const table = globalThis.__holdfastLines;
  if (table === undefined) return undefined;
  const [sources, runs] = table;
  for (const [start, source, first, count] of runs) {
    if (line >= start && line < start + count) return `${sources[source]}:${first + line - start}`;
  }
  return undefined;
}

/** Removes the frames outside the author's sources, if there is a table: they do not help an author. */
function readableStack(stack: string): string {
  const frames = stack.split('\n').filter((frame) => frame.trim() !== '');
  if (globalThis.__holdfastLines === undefined) return frames.join('\n');
  const mapped: string[] = [];
  for (const frame of frames) {
    // StarlingMonkey writes `name@file:1:2`, QuickJS `    at name (file:1:2)`.
    const [, name, line] = /^([^@\s]*)@.*:(\d+):\d+$/.exec(frame) ?? [];
    const position = /[^\s(]*:(\d+):\d+\)?$/.exec(frame);
    const source = sourcePosition(Number(line ?? position?.[1]));
    if (source === undefined) continue;
    if (line !== undefined) mapped.push(`    at ${name || '<anonymous>'} (${source})`);
    else if (position !== null) mapped.push(frame.slice(0, position.index) + source + (frame.endsWith(')') ? ')' : ''));
  }
  return mapped.join('\n');
}

/** `name: message` and the stack, also of the causes. Accepts any value, because any value can be thrown. */
export function describeError(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return `Thrown: ${describeValue(error)}`;
  const text = [`${error.name}: ${error.message}`];
  const stack = readableStack(error.stack ?? '');
  if (stack !== '') text.push(stack);
  const cause = (error as { cause?: unknown }).cause;
  if (cause !== undefined && depth < 5) text.push(`Caused by: ${describeError(cause, depth + 1)}`);
  return text.join('\n');
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : describeValue(error);
}

function describeValue(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
