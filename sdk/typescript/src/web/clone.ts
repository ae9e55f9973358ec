// structuredClone of data: objects, arrays, Map, Set, Date, RegExp, errors, bytes; with cycles. Functions and symbols cannot be cloned.

function reject(value: unknown): never {
  throw new DOMException(`${String(value)} could not be cloned.`, 'DataCloneError');
}

function copy(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') reject(value);
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const register = <T>(made: T): T => {
    seen.set(value, made);
    return made;
  };
  if (value instanceof Date) return register(new Date(value.getTime()));
  if (value instanceof RegExp) return register(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return register(value.slice(0));
  if (ArrayBuffer.isView(value)) {
    const view = value as Uint8Array;
    const buffer = copy(view.buffer, seen) as ArrayBuffer;
    const make = view.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView;
    return register(new make(buffer, view.byteOffset, value instanceof DataView ? view.byteLength : view.length));
  }
  if (value instanceof Map) {
    const made = register(new Map<unknown, unknown>());
    for (const [key, item] of value) made.set(copy(key, seen), copy(item, seen));
    return made;
  }
  if (value instanceof Set) {
    const made = register(new Set<unknown>());
    for (const item of value) made.add(copy(item, seen));
    return made;
  }
  if (value instanceof Error) {
    const made = register(new Error(value.message));
    made.name = value.name;
    return made;
  }
  if (value instanceof WeakMap || value instanceof WeakSet || value instanceof Promise) reject(value);
  const made = register((Array.isArray(value) ? new Array(value.length) : {}) as Record<string, unknown>);
  for (const key of Object.keys(value)) {
    Object.defineProperty(made, key, {
      value: copy((value as Record<string, unknown>)[key], seen),
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return made;
}

export function structuredClone<T>(value: T): T {
  return copy(value, new Map()) as T;
}
