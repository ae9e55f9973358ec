import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostedPromise, runJobs, takeUnhandled } from '../../../sdk/typescript/src/runtime/promise.ts';

function outcome(promise: HostedPromise): unknown {
  promise.then(undefined, () => undefined);
  runJobs();
  return [promise.state, promise.outcome];
}

test('reactions run after the code that is running, in order', () => {
  const order: number[] = [];
  HostedPromise.resolve().then(() => order.push(2)).then(() => order.push(4));
  HostedPromise.resolve().then(() => order.push(3));
  order.push(1);
  runJobs();
  assert.deepEqual(order, [1, 2, 3, 4]);
});

test('values and rejections pass through then, catch and finally', () => {
  const failure = new Error('no');
  assert.deepEqual(outcome(HostedPromise.resolve(1).then(null).finally(() => 9)), ['fulfilled', 1]);
  assert.deepEqual(outcome(HostedPromise.reject(failure).then(() => 1).finally(() => 9)), ['rejected', failure]);
  assert.deepEqual(outcome(HostedPromise.reject(failure).catch(() => 'mended')), ['fulfilled', 'mended']);
  assert.deepEqual(outcome(HostedPromise.resolve(1).finally(() => { throw failure; })), ['rejected', failure]);
});

test('thenables are adopted once, and what they throw rejects', () => {
  assert.deepEqual(outcome(HostedPromise.resolve({ then: (yes: (v: unknown) => void) => { yes(1); yes(2); } })), ['fulfilled', 1]);
  const failure = new Error('thrown');
  assert.deepEqual(outcome(HostedPromise.resolve({ then() { throw failure; } })), ['rejected', failure]);
});

test('a promise resolved with itself is rejected', () => {
  const { promise, resolve } = HostedPromise.withResolvers();
  resolve(promise);
  assert.ok((outcome(promise) as unknown[])[1] instanceof TypeError);
});

test('all, allSettled, any and race behave as specified', () => {
  const failure = new Error('no');
  assert.deepEqual(outcome(HostedPromise.all([])), ['fulfilled', []]);
  assert.deepEqual(outcome(HostedPromise.all([1, HostedPromise.resolve(2)])), ['fulfilled', [1, 2]]);
  assert.deepEqual(outcome(HostedPromise.all([1, HostedPromise.reject(failure)])), ['rejected', failure]);
  assert.deepEqual(outcome(HostedPromise.any([HostedPromise.reject(failure), 3])), ['fulfilled', 3]);
  const none = outcome(HostedPromise.any([HostedPromise.reject(failure)])) as [string, AggregateError];
  assert.deepEqual([none[0], none[1].errors], ['rejected', [failure]]);
  assert.deepEqual(outcome(HostedPromise.race([new HostedPromise(() => undefined), 5])), ['fulfilled', 5]);
  assert.deepEqual(outcome(HostedPromise.allSettled([1, HostedPromise.reject(failure)])), [
    'fulfilled',
    [{ status: 'fulfilled', value: 1 }, { status: 'rejected', reason: failure }],
  ]);
});

test('only rejections that nothing awaited are unhandled', () => {
  takeUnhandled();
  const failure = new Error('lost');
  HostedPromise.reject(failure);
  HostedPromise.reject(new Error('seen')).catch(() => undefined);
  runJobs();
  assert.deepEqual(takeUnhandled(), [failure]);
  assert.deepEqual(takeUnhandled(), []);
});
