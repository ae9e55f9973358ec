// RegExp with `\p{…}` for an engine that has no tables of Unicode: each property becomes the ranges of its characters. The build finds the
// properties that a program names, and brings their tables (driver/standards/unicode.mjs).

const tables: Record<string, string> = {};
const Native = RegExp;

/** Adds tables: for each property, gaps and lengths of its ranges in turn, in base 36. */
export function know(more: Record<string, string>): void {
  Object.assign(tables, more);
}

const LAST = 0x10ffff;
const escaped = (point: number): string => `\\u{${point.toString(16)}}`;

function rangesOf(property: string): [number, number][] {
  const table = Object.hasOwn(tables, property) ? tables[property] : undefined;
  if (table === undefined) {
    throw new SyntaxError(`\\p{${property}} is unavailable on StarlingMonkey: no part of the program names this property, so the build has brought no table of it`);
  }
  let next = 0;
  const numbers = table.split(' ').map((number) => parseInt(number, 36));
  return Array.from({ length: numbers.length / 2 }, (_, at) => {
    const first = next + (numbers[2 * at] as number);
    next = first + (numbers[2 * at + 1] as number);
    return [first, next - 1];
  });
}

function complement(ranges: [number, number][]): [number, number][] {
  const starts = [0, ...ranges.map(([, last]) => last + 1)];
  const ends = [...ranges.map(([first]) => first - 1), LAST];
  return starts.map((start, at): [number, number] => [start, ends[at] as number]).filter(([first, last]) => first <= last);
}

const members = (property: string, negated: boolean): string =>
  (negated ? complement(rangesOf(property)) : rangesOf(property)).map(([first, last]) => `${escaped(first)}-${escaped(last)}`).join('');

/** The pattern with ranges in place of properties. */
function translate(pattern: string, sets: boolean): string {
  let depth = 0;
  return pattern.replace(/\\(?:([pP])\{([^}]*)\}|[^])|[[\]]/g, (token: string, kind: string | undefined, property: string) => {
    if (kind !== undefined) return depth > 0 ? members(property, kind === 'P') : `[${members(property, kind === 'P')}]`;
    // Only with the flag v does a class contain others.
    if (token === '[') depth = sets ? depth + 1 : 1;
    if (token === ']') depth = Math.max(0, depth - 1);
    return token;
  });
}

const translated = new Map<string, string>();

function construct(target: typeof RegExp, args: unknown[], newTarget: Function): RegExp {
  const [given, givenFlags] = args as [unknown, unknown];
  const pattern = given instanceof Native ? given.source : given;
  const flags = givenFlags === undefined && given instanceof Native ? given.flags : givenFlags;
  if (typeof pattern !== 'string' || typeof flags !== 'string' || !/[uv]/.test(flags) || !/\\p\{/i.test(pattern)) {
    return Reflect.construct(target, args, newTarget) as RegExp;
  }
  const key = `${flags}/${pattern}`;
  const ranges = translated.get(key) ?? translate(pattern, flags.includes('v'));
  translated.set(key, ranges);
  const made = Reflect.construct(target, [ranges, flags], newTarget) as RegExp;
  // What a program reads is what it wrote.
  return Object.defineProperty(made, 'source', { value: pattern, configurable: true });
}

const Wrapped: typeof RegExp = new Proxy(Native, {
  construct,
  apply: (target, _self, args: unknown[]) => {
    // RegExp(expression) is the expression itself.
    const [given, flags] = args;
    return given instanceof Native && flags === undefined ? given : construct(target, args, Wrapped);
  },
  get: (target, key, self) => Reflect.get(target, key, key === Symbol.species ? self : target) as unknown,
});
Object.defineProperty(Native.prototype, 'constructor', { value: Wrapped, writable: true, configurable: true });
Object.defineProperty(globalThis, 'RegExp', { value: Wrapped, writable: true, configurable: true });
