// The Console standard. Everything is written to the host's log, which needs cap:log.emit; what is written at the top level of a module
// appears when the call starts, because there is no host before.
import { atStart, isCalling } from '../../runtime/loop.ts';
import { log } from '../../runtime/logging.ts';
import type { LogLevel } from '../../types.ts';
import { define } from '../define.ts';
import { format, show } from './format.ts';

let indent = '';
const counts = new Map<string, number>();
const timers = new Map<string, number>();

function write(level: LogLevel, text: string): void {
  const line = indent === '' ? text : text.replace(/^/gm, indent);
  if (isCalling()) log(level, line);
  else atStart(() => log(level, line));
}

const writer = (level: LogLevel) => (...values: unknown[]): void => write(level, format(values));
const group = (...values: unknown[]): void => {
  if (values.length > 0) write('info', format(values));
  indent += '  ';
};
const elapsed = (label: string): string => `${label}: ${Date.now() - (timers.get(label) as number)}ms`;

function table(data: unknown): void {
  if (typeof data !== 'object' || data === null) return write('info', show(data));
  for (const [key, row] of Object.entries(data)) write('info', `${key}: ${show(row)}`);
}

export const console = {
  log: writer('info'),
  info: writer('info'),
  dir: (value: unknown): void => write('info', show(value)),
  dirxml: writer('info'),
  debug: writer('debug'),
  warn: writer('warn'),
  error: writer('error'),
  trace: (...values: unknown[]): void => write('debug', `Trace: ${format(values)}\n${new Error().stack ?? ''}`.trimEnd()),
  assert(condition: unknown, ...values: unknown[]): void {
    if (!condition) write('error', values.length === 0 ? 'Assertion failed' : `Assertion failed: ${format(values)}`);
  },
  table,
  group,
  groupCollapsed: group,
  groupEnd: (): void => { indent = indent.slice(2); },
  count(label = 'default'): void {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    write('info', `${label}: ${counts.get(label)}`);
  },
  countReset: (label = 'default'): void => { counts.delete(label); },
  time: (label = 'default'): void => { timers.set(label, Date.now()); },
  timeLog(label = 'default', ...values: unknown[]): void {
    if (timers.has(label)) write('info', [elapsed(label), ...values.map(show)].join(' '));
  },
  timeEnd(label = 'default'): void {
    if (timers.has(label)) write('info', elapsed(label));
    timers.delete(label);
  },
  clear: (): void => undefined,
};

define({ console });
