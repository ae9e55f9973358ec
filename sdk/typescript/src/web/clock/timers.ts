// setTimeout and setInterval. The call really waits, and the wait counts towards its deadline. Timers that are still pending when the
// handler has returned never run.
import clock from 'wasi:clocks/monotonic-clock@0.2.12';
import { isCalling, useTimers } from '../../runtime/loop.ts';
import { define } from '../define.ts';

interface Timer {
  id: number;
  due: number;
  every: number | null;
  run: () => void;
}

let timers: Timer[] = [];
let ids = 0;

const now = (): number => Number(clock.now()) / 1e6;

function schedule(callback: unknown, delay: unknown, repeat: boolean, args: unknown[]): number {
  if (typeof callback !== 'function') throw new TypeError('A timer needs a function');
  if (!isCalling()) throw new Error('Start timers only inside a handler: code at the top level of a module runs once, at build time');
  const wait = Math.min(Math.max(Number(delay) || 0, repeat ? 1 : 0), 0x7fffffff);
  const id = ++ids;
  timers.push({ id, due: now() + wait, every: repeat ? wait : null, run: () => callback(...args) });
  return id;
}

function runNext(): boolean {
  const [first, ...rest] = timers;
  if (first === undefined) return false;
  const next = rest.reduce((soonest, timer) => (timer.due < soonest.due ? timer : soonest), first);
  const wait = next.due - now();
  if (wait > 0) clock.subscribeDuration(Math.ceil(wait * 1e6)).block();
  if (next.every === null) clearTimeout(next.id);
  else next.due += next.every;
  next.run();
  return true;
}

useTimers({ runNext });

export function setTimeout(callback: unknown, delay?: unknown, ...args: unknown[]): number {
  return schedule(callback, delay, false, args);
}

export function setInterval(callback: unknown, delay?: unknown, ...args: unknown[]): number {
  return schedule(callback, delay, true, args);
}

export function clearTimeout(id?: unknown): void {
  timers = timers.filter((timer) => timer.id !== id);
}

export const clearInterval = clearTimeout;

/** Runs before timers that are due later, after the code that is running; Node's name for a timer without a delay. */
export function setImmediate(callback: unknown, ...args: unknown[]): number {
  return schedule(callback, 0, false, args);
}

define({ setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate: clearTimeout });
