// Runs before the extension's own modules: replaces the engine's promises, jobs and randomness by ours.
import { mathRandom } from './random.ts';
import { HostedPromise, enqueue } from './promise.ts';

const scope = globalThis as unknown as Record<string, unknown>;
Object.defineProperty(HostedPromise, 'name', { value: 'Promise' });
scope['Promise'] = HostedPromise;
scope['queueMicrotask'] = (job: () => void): void => {
  if (typeof job !== 'function') throw new TypeError('queueMicrotask needs a function');
  enqueue(job);
};
// Programs look for the global object by these names where there is no window.
for (const name of ['self', 'global']) Object.defineProperty(scope, name, { value: scope, writable: true, configurable: true });
// The engine's own version would create promises whose jobs never run.
Reflect.deleteProperty(Array, 'fromAsync');
Math.random = mathRandom;
