// Promises with a job queue of our own. The engine calls a handler synchronously and never runs the jobs of its own promises, so the build
// lowers async functions to generators that use this class, and loop.ts runs the jobs. Behaves as ECMA-262 27.2 specifies.

type Job = () => void;
type Settle = (value: unknown) => void;
type State = 'pending' | 'fulfilled' | 'rejected';

let jobs: Job[] = [];
const unhandled = new Set<HostedPromise>();

export function enqueue(job: Job): void {
  jobs.push(job);
}

/** Runs jobs until the queue is empty. An error in a job (only those of queueMicrotask can throw) leaves the rest for the next call. */
export function runJobs(): void {
  while (jobs.length > 0) {
    const batch = jobs;
    jobs = [];
    for (let i = 0; i < batch.length; i++) {
      try {
        (batch[i] as Job)();
      } catch (error) {
        jobs = batch.slice(i + 1).concat(jobs);
        throw error;
      }
    }
  }
}

/** The reasons of rejected promises that nothing awaited; removes them from the list. */
export function takeUnhandled(): unknown[] {
  const reasons = [...unhandled].map((promise) => promise.outcome);
  unhandled.clear();
  return reasons;
}

const isThenable = (value: unknown): value is object => (typeof value === 'object' && value !== null) || typeof value === 'function';

export class HostedPromise {
  #state: State = 'pending';
  #outcome: unknown;
  #reactions: Job[] = [];
  #handled = false;

  constructor(executor: (resolve: Settle, reject: Settle) => void) {
    if (typeof executor !== 'function') throw new TypeError('new Promise(…) needs a function');
    const [resolve, reject] = this.settlers();
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  get state(): State {
    return this.#state;
  }

  /** The value or the reason, once it is settled. */
  get outcome(): unknown {
    return this.#outcome;
  }

  static get [Symbol.species](): typeof HostedPromise {
    return this;
  }

  /** A pair of functions; only the first call of either has an effect. */
  private settlers(): [Settle, Settle] {
    let called = false;
    const once = (settle: Settle): Settle => (value) => {
      if (called) return;
      called = true;
      settle(value);
    };
    return [once((value) => this.resolveWith(value)), once((reason) => this.settle('rejected', reason))];
  }

  private resolveWith(value: unknown): void {
    if (value === this) return this.settle('rejected', new TypeError('A promise cannot be resolved with itself'));
    if (!isThenable(value)) return this.settle('fulfilled', value);
    let then: unknown;
    try {
      then = (value as { then?: unknown }).then;
    } catch (error) {
      return this.settle('rejected', error);
    }
    if (typeof then !== 'function') return this.settle('fulfilled', value);
    const adopt = then as (this: unknown, resolve: Settle, reject: Settle) => void;
    enqueue(() => {
      const [resolve, reject] = this.settlers();
      try {
        adopt.call(value, resolve, reject);
      } catch (error) {
        reject(error);
      }
    });
  }

  private settle(state: State, outcome: unknown): void {
    if (this.#state !== 'pending') return;
    this.#state = state;
    this.#outcome = outcome;
    if (state === 'rejected' && !this.#handled) unhandled.add(this);
    for (const reaction of this.#reactions) enqueue(reaction);
    this.#reactions = [];
  }

  then(onFulfilled?: unknown, onRejected?: unknown): HostedPromise {
    this.#handled = true;
    unhandled.delete(this);
    const Kind = (this.constructor as typeof HostedPromise | undefined)?.[Symbol.species] ?? HostedPromise;
    return new Kind((resolve, reject) => {
      const reaction = (): void => {
        const callback = this.state === 'fulfilled' ? onFulfilled : onRejected;
        if (typeof callback !== 'function') return this.state === 'fulfilled' ? resolve(this.outcome) : reject(this.outcome);
        try {
          resolve(callback(this.outcome));
        } catch (error) {
          reject(error);
        }
      };
      if (this.state === 'pending') this.#reactions.push(reaction);
      else enqueue(reaction);
    });
  }

  catch(onRejected?: unknown): HostedPromise {
    return this.then(undefined, onRejected);
  }

  finally(onFinally?: unknown): HostedPromise {
    if (typeof onFinally !== 'function') return this.then(onFinally, onFinally);
    return this.then(
      (value: unknown) => HostedPromise.resolve(onFinally()).then(() => value),
      (reason: unknown) => HostedPromise.resolve(onFinally()).then(() => { throw reason; }),
    );
  }

  get [Symbol.toStringTag](): string {
    return 'Promise';
  }

  static resolve(value?: unknown): HostedPromise {
    return value instanceof HostedPromise && value.constructor === this ? value : new this((resolve) => resolve(value));
  }

  static reject(reason?: unknown): HostedPromise {
    return new this((_resolve, reject) => reject(reason));
  }

  static withResolvers(): { promise: HostedPromise; resolve: Settle; reject: Settle } {
    let resolve!: Settle;
    let reject!: Settle;
    const promise = new this((res, rej) => { resolve = res; reject = rej; });
    return { promise, resolve, reject };
  }

  static try(callback: (...args: unknown[]) => unknown, ...args: unknown[]): HostedPromise {
    return new this((resolve) => resolve(callback(...args)));
  }

  static all(values: Iterable<unknown>): HostedPromise {
    return collect(this, values, (promise, put, _resolve, reject) => promise.then(put, reject));
  }

  static allSettled(values: Iterable<unknown>): HostedPromise {
    return collect(this, values, (promise, put) =>
      promise.then(
        (value: unknown) => put({ status: 'fulfilled', value }),
        (reason: unknown) => put({ status: 'rejected', reason }),
      ),
    );
  }

  static any(values: Iterable<unknown>): HostedPromise {
    return collect(
      this,
      values,
      (promise, put, resolve) => promise.then(resolve, put),
      (reasons, _resolve, reject) => reject(new AggregateError(reasons, 'All promises were rejected')),
    );
  }

  static race(values: Iterable<unknown>): HostedPromise {
    return new this((resolve, reject) => {
      for (const value of values) this.resolve(value).then(resolve, reject);
    });
  }
}

/** Collects one value per promise, in order; calls `finish` when it has all. */
function collect(
  Kind: typeof HostedPromise,
  values: Iterable<unknown>,
  watch: (promise: HostedPromise, put: Settle, resolve: Settle, reject: Settle) => void,
  finish: (collected: unknown[], resolve: Settle, reject: Settle) => void = (collected, resolve) => resolve(collected),
): HostedPromise {
  return new Kind((resolve, reject) => {
    const collected: unknown[] = [];
    let missing = 1;
    const done = (): void => {
      if (--missing === 0) finish(collected, resolve, reject);
    };
    let index = 0;
    for (const value of values) {
      const at = index++;
      missing++;
      watch(Kind.resolve(value), (result) => { collected[at] = result; done(); }, resolve, reject);
    }
    done();
  });
}
