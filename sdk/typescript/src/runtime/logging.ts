// Logging with the three functions of the WIT world, each of which writes one line of text.
import logging from 'alga:extension/logging';
import type { LoggingHost } from '../host.ts';
import type { LogLevel } from '../types.ts';

const FUNCTIONS: Record<LogLevel, string> = { debug: 'logInfo', info: 'logInfo', warn: 'logWarn', error: 'logError' };

function fieldText(fields: Record<string, unknown>): string {
  try {
    return JSON.stringify(fields, (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value instanceof Error ? `${value.name}: ${value.message}` : value,
    );
  } catch {
    return '{"fields":"not JSON"}';
  }
}

/** Writes one line. Logging never makes a handler fail: a value that cannot be converted is written in a simpler form. */
export function log(level: LogLevel, message: unknown, fields?: Record<string, unknown> | null): void {
  const line = typeof message === 'string' ? message : String(message);
  const tail = fields && Object.keys(fields).length > 0 ? ` ${fieldText(fields)}` : '';
  logging[FUNCTIONS[level] ?? 'logInfo']!(`${level === 'debug' ? '[debug] ' : ''}${line}${tail}`);
}

export const loggingHost: LoggingHost = {
  async info(message, fields) {
    log('info', message, fields);
  },
  async warn(message, fields) {
    log('warn', message, fields);
  },
  async error(message, fields) {
    log('error', message, fields);
  },
  async emit({ level = 'info', message, fields }) {
    log(level, message, fields);
  },
};
