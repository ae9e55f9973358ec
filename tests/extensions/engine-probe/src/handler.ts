import { type Handler, jsonResponse } from '@alga-psa/extension-runtime';

const frames = (n: number): number => (n === 0 ? 0 : 1 + frames(n - 1));

class Chain {
  next: Chain | null;
  constructor(n: number) {
    this.next = n === 0 ? null : new Chain(n - 1);
  }
}

const nested = (n: number): number => (n === 0 ? 0 : 1 + [n].map(() => nested(n - 1))[0]!);

function sorting(n: number): number {
  if (n === 0) return 0;
  let depth: number | null = null;
  [2, 1].sort(() => ((depth ??= sorting(n - 1)), 0));
  return 1 + depth!;
}

const parsed = (n: number): unknown => JSON.parse('['.repeat(n) + ']'.repeat(n));

/** Each goes `n` levels deep, and returns a number that shows that it arrived. */
const deep: Record<string, (n: number) => number> = {
  frames,
  constructors: (n) => (new Chain(n).next === null ? 0 : n),
  nested,
  sorting,
  parse: (n) => (Array.isArray(parsed(n)) ? n : 0),
  stringify: (n) => JSON.stringify(parsed(n)).length / 2,
  getters: (n) => {
    const get = (left: number): number => (left === 0 ? 0 : 1 + { get value() { return get(left - 1); } }.value);
    return get(n);
  },
  regexp: (n) => (/^(?:a|b)*$/.test('ab'.repeat(n)) ? n : 0),
  groups: (n) => (new RegExp('(?:'.repeat(n) + 'a' + ')'.repeat(n)).test('a') ? n : 0),
};

function attempt(run: () => number): number | string {
  try {
    return run();
  } catch (error) {
    return `${(error as Error).name} ${error instanceof RangeError}`;
  }
}

/** `/deep/KIND/N` or `/twice/KIND/N`: the second one shows that the engine works as before after it was too deep. */
export const handler: Handler = async (request) => {
  const [, route, kind, count] = request.http.path.split('/') as [string, string, string, string];
  const run = () => attempt(() => deep[kind]!(Number(count)));
  return jsonResponse(route === 'twice' ? [run(), run(), attempt(() => frames(1_000))] : run());
};
