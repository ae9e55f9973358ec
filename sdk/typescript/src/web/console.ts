// console writes to the host's log. Needs cap:log.emit.
import { log } from '../runtime/logging.ts';
import { describeError } from '../runtime/stack.ts';
import type { LogLevel } from '../types.ts';

function show(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return describeError(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const seen = new Set<unknown>();
  try {
    return JSON.stringify(value, (_key, inner: unknown) => {
      if (typeof inner === 'bigint') return `${inner}n`;
      if (typeof inner === 'object' && inner !== null) {
        if (seen.has(inner)) return '[seen above]';
        seen.add(inner);
      }
      return inner;
    });
  } catch {
    return String(value);
  }
}

const writer = (level: LogLevel) => (...values: unknown[]): void => log(level, values.map(show).join(' '));

export const console = {
  log: writer('info'),
  info: writer('info'),
  debug: writer('debug'),
  trace: writer('debug'),
  warn: writer('warn'),
  error: writer('error'),
  assert(condition: unknown, ...values: unknown[]): void {
    if (!condition) console.error('Assertion failed', ...values);
  },
};
