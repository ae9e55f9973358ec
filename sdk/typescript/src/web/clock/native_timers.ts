// The timers of an engine that has its own, StarlingMonkey; takes the place of timers.ts in its builds.
import { define } from '../define.ts';

const scope = globalThis as unknown as Record<'setTimeout' | 'setInterval' | 'clearTimeout' | 'clearInterval', (...args: never[]) => number>;

export const setTimeout = scope.setTimeout as unknown as (callback: unknown, delay?: unknown, ...args: unknown[]) => number;
export const setInterval = scope.setInterval as unknown as (callback: unknown, delay?: unknown, ...args: unknown[]) => number;
export const clearTimeout = scope.clearTimeout as unknown as (id?: unknown) => void;
export const clearInterval = scope.clearInterval as unknown as (id?: unknown) => void;
export const clearImmediate = clearTimeout;

export function setImmediate(callback: unknown, ...args: unknown[]): number {
  return setTimeout(callback, 0, ...args);
}

define({ setImmediate, clearImmediate });
