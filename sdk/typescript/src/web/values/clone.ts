// structuredClone of the HTML standard: everything that JSON cannot carry, with cycles and shared parts. Functions and symbols cannot be cloned.
import { define } from '../define.ts';

const ERRORS: Record<string, ErrorConstructor> = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function reject(value: unknown): never {
  const shown = typeof value === 'object' ? `#<${value?.constructor?.name ?? 'Object'}>` : String(value);
  throw new DOMException(`${shown} could not be cloned.`, 'DataCloneError');
}

type Register = <T>(made: T) => T;

function copyView(view: Uint8Array | DataView, seen: Map<object, unknown>, register: Register): unknown {
  const buffer = copy(view.buffer, seen) as ArrayBuffer;
  const make = view.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView;
  return register(new make(buffer, view.byteOffset, view instanceof DataView ? view.byteLength : view.length));
}

function copyError(error: Error, seen: Map<object, unknown>, register: Register): unknown {
  const made = register(new (ERRORS[error.name] ?? Error)(error.message));
  for (const name of ['stack', 'cause'] as const) {
    if (Object.hasOwn(error, name)) Object.defineProperty(made, name, { value: copy(error[name], seen), configurable: true, writable: true });
  }
  return made;
}

function copyCollection(value: Map<unknown, unknown> | Set<unknown>, seen: Map<object, unknown>, register: Register): unknown {
  if (value instanceof Map) {
    const made = register(new Map<unknown, unknown>());
    for (const [key, item] of [...value]) made.set(copy(key, seen), copy(item, seen));
    return made;
  }
  const made = register(new Set<unknown>());
  for (const item of [...value]) made.add(copy(item, seen));
  return made;
}

function copyProperties(value: object, seen: Map<object, unknown>, register: Register): unknown {
  const made = register((Array.isArray(value) ? new Array(value.length) : {}) as Record<string, unknown>);
  for (const key of Object.keys(value)) {
    const inner = copy((value as Record<string, unknown>)[key], seen);
    Object.defineProperty(made, key, { value: inner, configurable: true, enumerable: true, writable: true });
  }
  return made;
}

const UNCLONABLE = [WeakMap, WeakSet, WeakRef, Promise];

/** Blobs and files are immutable: their clones share the bytes. */
const isBlob = (value: object): boolean => typeof globalThis.Blob === 'function' && value instanceof globalThis.Blob;

function copyObject(value: object, seen: Map<object, unknown>): unknown {
  const register: Register = (made) => {
    seen.set(value, made);
    return made;
  };
  if (value instanceof Date) return register(new Date(value.getTime()));
  if (value instanceof RegExp) return register(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return register(value.slice(0));
  if (ArrayBuffer.isView(value)) return copyView(value as Uint8Array, seen, register);
  if (value instanceof Map || value instanceof Set) return copyCollection(value, seen, register);
  if (value instanceof Error) return copyError(value, seen, register);
  if (value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt) return register(Object(value.valueOf()));
  if (isBlob(value)) return value;
  if (UNCLONABLE.some((one) => value instanceof one)) reject(value);
  return copyProperties(value, seen, register);
}

function copy(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') reject(value);
  if (typeof value !== 'object' || value === null) return value;
  return seen.has(value) ? seen.get(value) : copyObject(value, seen);
}

export function structuredClone<T>(value: T, options: { transfer?: ArrayBuffer[] } = {}): T {
  const made = copy(value, new Map()) as T;
  // A transferred buffer belongs to the clone alone.
  for (const buffer of options.transfer ?? []) buffer.transfer();
  return made;
}

define({ structuredClone });
