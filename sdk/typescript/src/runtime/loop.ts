// One call's event loop: runs jobs and timers until the handler's answer is there.
import { HostedPromise, runJobs } from './promise.ts';

/** Set by web/timers.ts when the extension uses timers at all. */
export interface TimerSource {
  /** Waits for the next timer and runs it. False when there is none. */
  runNext(): boolean;
}

let timers: TimerSource | null = null;
let calling = false;

export function useTimers(source: TimerSource): void {
  timers = source;
}

/** True inside a call; false while modules are evaluated, which happens once, at build time. */
export function isCalling(): boolean {
  return calling;
}

/** Begins a call, which a component instance serves exactly one of. */
export function beginCall(): void {
  calling = true;
}

/** The value that `start` answers or its promise resolves to. Throws what it rejects with, or an Error when it can never settle. */
export function settle(start: () => unknown): unknown {
  const promise = HostedPromise.try(start);
  promise.then(undefined, () => undefined);
  runJobs();
  while (promise.state === 'pending') {
    if (timers === null || !timers.runNext()) {
      throw new Error('The handler waits for a promise that nothing will ever settle');
    }
    runJobs();
  }
  if (promise.state === 'rejected') throw promise.outcome;
  return promise.outcome;
}
