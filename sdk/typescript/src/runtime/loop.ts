// The event loop of one call: runs jobs and timers until the handler has a result.
import { HostedPromise, runJobs } from './promise.ts';

/** Set by web/clock/timers.ts if the extension uses timers. */
export interface TimerSource {
  /** Waits for the next timer and runs it. Returns false without a pending timer. */
  runNext(): boolean;
}

let timers: TimerSource | null = null;
let calling = false;

export function useTimers(source: TimerSource): void {
  timers = source;
}

/** Whether a call is running; false while modules are evaluated, which happens once, at build time. */
export function isCalling(): boolean {
  return calling;
}

const starts: (() => void)[] = [];

/** Runs `run` when the call starts: for what code at the top level of a module asked for, when there was no host. */
export function atStart(run: () => void): void {
  starts.push(run);
}

/** Marks the start of the call. Each component instance serves exactly one. */
export function beginCall(): void {
  calling = true;
  for (const run of starts) run();
}

/** The result of `start`, or of the promise that it returns. Throws the reason of a rejection, or an Error when the promise can never settle. */
export function runUntilSettled(start: () => unknown): unknown {
  const promise = HostedPromise.try(start);
  promise.then(undefined, () => undefined);
  runJobs();
  while (promise.state === 'pending') {
    if (timers === null || !timers.runNext()) {
      throw new Error('The handler awaits a promise that never settles: no timer and no job is left that could settle it');
    }
    runJobs();
  }
  if (promise.state === 'rejected') throw promise.outcome;
  return promise.outcome;
}
