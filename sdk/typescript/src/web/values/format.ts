// Values as text for people, as the Console standard's formatter shows them.
import { describeError } from '../../runtime/stack.ts';

function simplify(value: unknown, seen: Set<unknown>): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `[Function ${value.name || 'anonymous'}]`;
  if (typeof value === 'symbol') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (seen.has(value)) return '[seen above]';
  seen.add(value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [show(key), item]));
  if (value instanceof Set) return [...value];
  if (value instanceof RegExp) return String(value);
  return value;
}

/** Text as it is, errors with their stack, everything else as JSON as far as it goes. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return describeError(value);
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return String(value);
  const seen = new Set<unknown>();
  try {
    return JSON.stringify(value, (_key, inner: unknown) => simplify(inner, seen)) ?? String(value);
  } catch {
    return String(value);
  }
}

function substitute(kind: string, value: unknown): string {
  if (kind === 's') return typeof value === 'object' ? show(value) : String(value);
  if (kind === 'd' || kind === 'i') return typeof value === 'symbol' ? 'NaN' : String(Number.parseInt(String(value), 10));
  if (kind === 'f') return typeof value === 'symbol' ? 'NaN' : String(Number.parseFloat(String(value)));
  return kind === 'c' ? '' : show(value);
}

/** The values of one line: `%s`, `%d`, `%i`, `%f`, `%o`, `%O`, `%j` and `%c` in a first text take the values after it. */
export function format(values: unknown[]): string {
  const [first, ...rest] = values;
  if (typeof first !== 'string' || !first.includes('%') || values.length === 1) return values.map(show).join(' ');
  const text = first.replace(/%([sdifoOjc%])/g, (whole, kind: string) => {
    if (kind === '%') return '%';
    return rest.length === 0 ? whole : substitute(kind, rest.shift());
  });
  return [text, ...rest.map(show)].join(' ');
}
