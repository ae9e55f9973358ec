// The module `assert`: the assertions that programs make about themselves.
import { AssertionError, equalDeeply } from './equality.ts';
import { inspect } from './inspect.ts';

type Message = string | Error | undefined;

function check(holds: boolean, message: Message, otherwise: () => string, details: object = {}): asserts holds {
  if (holds) return;
  if (message instanceof Error) throw message;
  throw new AssertionError(message ?? otherwise(), { generatedMessage: message === undefined, ...details });
}

const matches = (error: unknown, expected: unknown): boolean => {
  if (expected === undefined) return true;
  if (expected instanceof RegExp) return expected.test(String(error));
  if (typeof expected !== 'function') return Object.entries(expected as object).every(([key, value]) => matchesValue((error as never)[key], value));
  if (expected.prototype !== undefined && error instanceof expected) return true;
  return !Error.isPrototypeOf(expected) && expected !== Error && expected(error) === true;
};

const matchesValue = (value: unknown, wanted: unknown): boolean => (wanted instanceof RegExp && typeof value === 'string' ? wanted.test(value) : equalDeeply(value, wanted, true));
const compared = (actual: unknown, expected: unknown, operator: string) => ({ actual, expected, operator });
const shown = (actual: unknown, operator: string, expected: unknown) => () => `${inspect(actual)} ${operator} ${inspect(expected)}`;

function ok(value?: unknown, message?: Message): asserts value {
  check(Boolean(value), message, () => 'The expression evaluated to a falsy value', compared(value, true, '=='));
}

const assert = Object.assign((value?: unknown, message?: Message): void => ok(value, message), {
  AssertionError,
  ok,
  equal: (a: unknown, b: unknown, message?: Message) => check(a == b || (Number.isNaN(a) && Number.isNaN(b)), message, shown(a, '==', b), compared(a, b, '==')),
  notEqual: (a: unknown, b: unknown, message?: Message) => check(a != b, message, shown(a, '!=', b), compared(a, b, '!=')),
  strictEqual: (a: unknown, b: unknown, message?: Message) => check(Object.is(a, b), message, shown(a, '!==', b), compared(a, b, 'strictEqual')),
  notStrictEqual: (a: unknown, b: unknown, message?: Message) => check(!Object.is(a, b), message, shown(a, '===', b), compared(a, b, 'notStrictEqual')),
  deepEqual: (a: unknown, b: unknown, message?: Message) => check(equalDeeply(a, b, false), message, shown(a, 'deepEqual', b), compared(a, b, 'deepEqual')),
  notDeepEqual: (a: unknown, b: unknown, message?: Message) => check(!equalDeeply(a, b, false), message, shown(a, 'notDeepEqual', b), compared(a, b, 'notDeepEqual')),
  deepStrictEqual: (a: unknown, b: unknown, message?: Message) =>
    check(equalDeeply(a, b, true), message, shown(a, 'deepStrictEqual', b), compared(a, b, 'deepStrictEqual')),
  notDeepStrictEqual: (a: unknown, b: unknown, message?: Message) =>
    check(!equalDeeply(a, b, true), message, shown(a, 'notDeepStrictEqual', b), compared(a, b, 'notDeepStrictEqual')),
  match: (text: string, pattern: RegExp, message?: Message) => check(pattern.test(text), message, shown(text, 'match', pattern), compared(text, pattern, 'match')),
  doesNotMatch: (text: string, pattern: RegExp, message?: Message) => check(!pattern.test(text), message, shown(text, 'doesNotMatch', pattern)),
  fail: (message: Message = 'Failed'): never => {
    throw message instanceof Error ? message : new AssertionError(message, { operator: 'fail' });
  },
  ifError(error: unknown): void {
    if (error != null) throw error;
  },
  throws(run: () => unknown, expected?: unknown, message?: Message): void {
    let thrown: unknown;
    try {
      run();
    } catch (error) {
      thrown = { error };
    }
    check(thrown !== undefined, message, () => 'Missing expected exception');
    const { error } = thrown as { error: unknown };
    if (typeof expected !== 'string' && !matches(error, expected)) throw error;
  },
  doesNotThrow: (run: () => unknown): void => void run(),
  async rejects(work: Promise<unknown> | (() => Promise<unknown>), expected?: unknown, message?: Message): Promise<void> {
    const outcome = await (typeof work === 'function' ? work() : work).then(() => undefined, (error: unknown) => ({ error }));
    check(outcome !== undefined, message, () => 'Missing expected rejection');
    if (typeof expected !== 'string' && !matches(outcome.error, expected)) throw outcome.error;
  },
  async doesNotReject(work: Promise<unknown> | (() => Promise<unknown>)): Promise<void> {
    await (typeof work === 'function' ? work() : work);
  },
});

const strict = Object.assign((value?: unknown, message?: Message): void => ok(value, message), assert, {
  equal: assert.strictEqual,
  notEqual: assert.notStrictEqual,
  deepEqual: assert.deepStrictEqual,
  notDeepEqual: assert.notDeepStrictEqual,
});
Object.assign(assert, { strict });
Object.assign(strict, { strict });

export const {
  equal, notEqual, strictEqual, notStrictEqual, deepEqual, notDeepEqual, deepStrictEqual, notDeepStrictEqual, match, doesNotMatch, fail, ifError, throws,
  doesNotThrow, rejects, doesNotReject,
} = assert;
export { AssertionError, ok, strict };
export default assert;
export { assert as 'module.exports' };
