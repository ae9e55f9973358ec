import type { Cases } from '../run.ts';

async function* counting(to: number) {
  try {
    for (let n = 1; n <= to; n++) yield n;
  } finally {
    order.push('closed');
  }
}
let order: unknown[] = [];

class Slow {
  async *[Symbol.asyncIterator]() {
    yield* [1, 2];
    const got: unknown = yield 3;
    order.push(got);
  }
}

export const promises: Cases = {
  async 'order of jobs'() {
    order = [];
    const later = (async () => { order.push('a'); await null; order.push('d'); })();
    Promise.resolve().then(() => order.push('e'));
    queueMicrotask(() => order.push('f'));
    order.push('b');
    await later;
    await null;
    return order;
  },
  async 'order of await and then'() {
    order = [];
    const one = async () => { order.push(1); await two(); order.push(4); };
    const two = async () => { order.push(2); };
    const done = one().then(() => order.push(5));
    order.push(3);
    await done;
    return order;
  },
  async 'async generators'() {
    order = [];
    const seen: number[] = [];
    for await (const n of counting(3)) seen.push(n);
    for await (const n of counting(9)) if (n === 2) break;
    return [seen, order];
  },
  async 'for await over plain values'() {
    const seen: unknown[] = [];
    for await (const value of [1, Promise.resolve(2)]) seen.push(value);
    return seen;
  },
  async 'generators by hand'() {
    order = [];
    const iterator = new Slow()[Symbol.asyncIterator]();
    const results = [await iterator.next(), await iterator.next(), await iterator.next(), await iterator.next('given'), await iterator.return()];
    return [results, order];
  },
  async 'throw in a generator'() {
    const iterator = counting(3);
    await iterator.next();
    return iterator.throw(new RangeError('x'));
  },
  async 'combinators'() {
    const settled = await Promise.allSettled([1, Promise.reject(new Error('no'))]);
    return [await Promise.all([1, Promise.resolve(2)]), settled.map((one) => one.status), await Promise.any([Promise.reject(0), 3]), await Promise.race([5, new Promise(() => undefined)])];
  },
  'any of none': async () => Promise.any([]),
  'async functions are functions': () => [typeof (async () => 1), Object.prototype.toString.call(Promise.resolve()), (async () => 1)() instanceof Promise, Promise.length],
  async 'subclasses'() {
    class Mine extends Promise<number> {}
    const chained = Mine.resolve(1).then((n) => n + 1);
    return [chained instanceof Mine, await chained, Mine.all([1]) instanceof Mine];
  },
  'thenables': async () => await { then(resolve: (value: number) => void) { resolve(7); } },
  async 'finally'() {
    order = [];
    const value = await Promise.resolve(1).finally(() => { order.push('finally'); return 9; });
    return [value, order];
  },
  async 'nested rejections'() {
    const work = async (depth: number): Promise<number> => (depth === 0 ? Promise.reject(new TypeError('deep')) : await work(depth - 1));
    return work(50);
  },
  async 'timers keep order'() {
    order = [];
    setTimeout(() => order.push('second'), 20);
    const cancelled = setTimeout(() => order.push('never'), 1);
    setTimeout((text: string) => order.push(text), 1, 'first');
    clearTimeout(cancelled);
    let ticks = 0;
    await new Promise<void>((resolve) => { const every = setInterval(() => { if (++ticks === 3) { clearInterval(every); resolve(); } }, 1); });
    await new Promise((resolve) => setTimeout(resolve, 30));
    return [order, ticks];
  },
  async 'microtasks come before timers'() {
    order = [];
    setTimeout(() => order.push('timer'), 0);
    await Promise.resolve();
    queueMicrotask(() => order.push('microtask'));
    await new Promise((resolve) => setTimeout(resolve, 2));
    return order;
  },
};
