// Deep equality as the module `assert` and `util.isDeepStrictEqual` define it.

export class AssertionError extends Error {
  readonly code = 'ERR_ASSERTION';

  constructor(message: string | { message?: string }, details: object = {}) {
    super(typeof message === 'string' ? message : (message.message ?? 'Failed'));
    this.name = 'AssertionError';
    Object.assign(this, typeof message === 'string' ? details : message);
  }
}

type Pairs = Map<object, object>;

function equalMembers(a: object, b: object, strict: boolean, seen: Pairs): boolean {
  const [keys, others] = [Reflect.ownKeys(a), Reflect.ownKeys(b)].map((all, at) =>
    all.filter((key) => Object.prototype.propertyIsEnumerable.call(at === 0 ? a : b, key)),
  ) as [(string | symbol)[], (string | symbol)[]];
  return keys.length === others.length && keys.every((key) => Object.hasOwn(b, key) && equal((a as never)[key], (b as never)[key], strict, seen));
}

function equalMaps(a: Map<unknown, unknown>, b: Map<unknown, unknown>, strict: boolean, seen: Pairs): boolean {
  return a.size === b.size && [...a].every(([key, value]) => {
    if (b.has(key)) return equal(value, b.get(key), strict, seen);
    return typeof key === 'object' && [...b].some(([other, item]) => equal(key, other, strict, seen) && equal(value, item, strict, seen));
  });
}

const equalSets = (a: Set<unknown>, b: Set<unknown>, strict: boolean, seen: Pairs): boolean =>
  a.size === b.size && [...a].every((item) => b.has(item) || (typeof item === 'object' && [...b].some((other) => equal(item, other, strict, seen))));

function equalObjects(a: object, b: object, strict: boolean, seen: Pairs): boolean {
  if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Date) return a.getTime() === (b as Date).getTime() || (Number.isNaN(a.getTime()) && Number.isNaN((b as Date).getTime()));
  if (a instanceof RegExp) return String(a) === String(b);
  if (a instanceof Error && (a.message !== (b as Error).message || a.name !== (b as Error).name)) return false;
  if (a instanceof Map && !equalMaps(a, b as Map<unknown, unknown>, strict, seen)) return false;
  if (a instanceof Set && !equalSets(a, b as Set<unknown>, strict, seen)) return false;
  if (a instanceof Number || a instanceof String || a instanceof Boolean) return Object.is(a.valueOf(), b.valueOf());
  return equalMembers(a, b, strict, seen);
}

function equal(a: unknown, b: unknown, strict: boolean, seen: Pairs): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
    return !strict && (a == b || (Number.isNaN(a) && Number.isNaN(b)));
  }
  return equalObjects(a, b, strict, seen);
}

export const equalDeeply = (a: unknown, b: unknown, strict: boolean): boolean => equal(a, b, strict, new Map());
