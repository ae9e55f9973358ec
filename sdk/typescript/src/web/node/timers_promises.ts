// The module `timers/promises`.
import { setImmediate as runSoon, setTimeout as runLater } from '../clock/timers.ts';

export const setTimeout = <T>(delay?: number, value?: T): Promise<T> => new Promise((resolve) => runLater(() => resolve(value as T), delay));
export const setImmediate = <T>(value?: T): Promise<T> => new Promise((resolve) => runSoon(() => resolve(value as T)));
export const scheduler = { wait: (delay: number): Promise<void> => setTimeout(delay), yield: (): Promise<void> => setImmediate() };

export async function* setInterval<T>(delay?: number, value?: T): AsyncGenerator<T> {
  for (;;) yield await setTimeout(delay, value as T);
}

export default { setTimeout, setImmediate, setInterval, scheduler };
