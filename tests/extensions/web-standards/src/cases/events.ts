import type { Cases } from '../run.ts';

export const events: Cases = {
  'listeners run in order, once, and until removed'() {
    const target = new EventTarget();
    const seen: string[] = [];
    const second = () => seen.push('second');
    target.addEventListener('x', (event) => seen.push(`first ${event.type} ${event.target === target}`));
    target.addEventListener('x', second);
    target.addEventListener('x', second);
    target.addEventListener('x', { handleEvent: () => seen.push('object') });
    target.addEventListener('x', () => seen.push('once'), { once: true });
    target.dispatchEvent(new Event('x'));
    target.removeEventListener('x', second);
    target.dispatchEvent(new Event('x'));
    return seen;
  },
  'prevented and stopped'() {
    const target = new EventTarget();
    const seen: number[] = [];
    target.addEventListener('x', (event) => { seen.push(1); event.preventDefault(); event.stopImmediatePropagation(); });
    target.addEventListener('x', () => seen.push(2));
    return [target.dispatchEvent(new Event('x', { cancelable: true })), target.dispatchEvent(new Event('x')), seen];
  },
  'details': () => [new CustomEvent('x', { detail: { a: 1 } }).detail, new Event('y', { bubbles: true }).bubbles, Object.prototype.toString.call(new Event('z'))],
  'an event without a type': () => new (Event as never as new () => Event)(),
  'a subclass': () => { class Mine extends EventTarget { n = 1; } const mine = new Mine(); let got = 0; mine.addEventListener('a', () => { got = mine.n; }); mine.dispatchEvent(new Event('a')); return got; },
  'a signal removes a listener'() {
    const [target, controller, seen] = [new EventTarget(), new AbortController(), [] as number[]];
    target.addEventListener('x', () => seen.push(1), { signal: controller.signal });
    target.dispatchEvent(new Event('x'));
    controller.abort();
    target.dispatchEvent(new Event('x'));
    return seen;
  },
  'abort'() {
    const controller = new AbortController();
    const seen: unknown[] = [controller.signal.aborted, controller.signal.reason === undefined];
    controller.signal.onabort = (event) => seen.push(event.type);
    controller.signal.addEventListener('abort', () => seen.push('listener'));
    controller.abort();
    controller.abort('again');
    return [...seen, controller.signal.aborted, (controller.signal.reason as Error).name];
  },
  'abort with a reason': () => { const controller = new AbortController(); controller.abort('why'); controller.signal.throwIfAborted(); },
  'aborted signals': () => [AbortSignal.abort('x').reason, AbortSignal.abort().reason.name, AbortSignal.any([AbortSignal.abort('first'), AbortSignal.abort('second')]).reason, AbortSignal.any([]).aborted],
  'any follows': () => { const [a, b] = [new AbortController(), new AbortController()]; const any = AbortSignal.any([a.signal, b.signal]); b.abort('b'); a.abort('a'); return [any.aborted, any.reason]; },
  async 'a timeout'() {
    const signal = AbortSignal.timeout(5);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return [signal.aborted, signal.reason.name];
  },
  'programs make no signals': () => new (AbortSignal as never as new () => AbortSignal)(),
};
