import type { Cases } from '../run.ts';

const isCopy = (value: object) => { const copy = structuredClone(value); return [copy !== value, Object.prototype.toString.call(copy)]; };

export const values: Cases = {
  'kinds': () => [new Date(5), /a/gi, new Map([[1, 2]]), new Set([1]), new Uint16Array([1, 2]), new ArrayBuffer(2), new Error('x'), [1], Object(1), Object('s')].map(isCopy),
  'cycles'() {
    const source: Record<string, unknown> = { list: [1, new Date(5)], map: new Map([['k', new Set([1])]]), bytes: new Uint16Array([1, 2]) };
    source['self'] = source;
    const copy = structuredClone(source) as typeof source;
    return [copy !== source, copy['self'] === copy, (copy['map'] as Map<string, Set<number>>).get('k')?.has(1), [...(copy['bytes'] as Uint16Array)]];
  },
  'shared parts stay shared': () => { const part = {}; const copy = structuredClone({ a: part, b: part }); return copy.a === copy.b; },
  'errors': () => { const copy = structuredClone(new RangeError('far', { cause: 'why' })); return [copy instanceof RangeError, copy.name, copy.message, copy.cause]; },
  'prototypes are lost': () => { class A { n = 1; } const copy = structuredClone(new A()); return [copy.constructor === Object, copy]; },
  'sparse lists': () => { const list = [1, , 3]; const copy = structuredClone(list); return [copy.length, 1 in copy]; },
  'a view keeps its offset': () => { const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3); const copy = structuredClone(view); return [copy.byteOffset, copy.length, copy.buffer.byteLength]; },
  'a function': () => structuredClone({ f() {} }),
  'a symbol': () => structuredClone(Symbol('x')),
  'a promise': () => structuredClone(Promise.resolve()),
  'a weak map': () => structuredClone(new WeakMap()),
  'a transferred buffer': () => { const buffer = new ArrayBuffer(4); const copy = structuredClone(buffer, { transfer: [buffer] }); return [buffer.byteLength, copy.byteLength]; },
  'primitives': () => [structuredClone(null), structuredClone(undefined) === undefined, structuredClone(1n) === 1n, structuredClone(NaN)],
};
