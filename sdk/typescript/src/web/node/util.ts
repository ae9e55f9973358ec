// The module `util`, as far as packages use it.
import '../encoding/text.ts';
import { equalDeeply } from './equality.ts';
import { inspect } from './inspect.ts';
import * as types from './util_types.ts';

type Callback = (error: unknown, value?: unknown) => void;
type Run = (...args: unknown[]) => unknown;
const CUSTOM = Symbol.for('nodejs.util.promisify.custom');

function promisify(run: Run & { [CUSTOM]?: Run }): Run {
  if (typeof run !== 'function') throw new TypeError('promisify needs a function');
  if (run[CUSTOM] !== undefined) return run[CUSTOM];
  return function promised(this: unknown, ...args: unknown[]) {
    return new Promise((resolve, reject) => {
      const done: Callback = (error, value) => (error ? reject(error) : resolve(value));
      run.call(this, ...args, done);
    });
  };
}
promisify.custom = CUSTOM;

const callbackify = (run: (...args: unknown[]) => Promise<unknown>) =>
  function called(this: unknown, ...args: unknown[]): void {
    const callback = args.pop() as Callback;
    run.apply(this, args).then((value) => callback(null, value), (error: unknown) => callback(error ?? new Error('The promise was rejected with nothing')));
  };

function inherits(child: { prototype: object; super_?: unknown }, parent: { prototype: object }): void {
  Object.defineProperty(child, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(child.prototype, parent.prototype);
}

function deprecate<T>(run: T): T {
  return run;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : inspect(value));
const numeric = (value: unknown, parse: (text: string) => number): string => (typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : Object.is(parse(String(value)), -0) ? '-0' : String(parse(String(value))));

function substitute(kind: string, value: unknown): string {
  if (kind === 's') return typeof value === 'object' && value !== null ? inspect(value, { depth: 0 }) : typeof value === 'bigint' ? `${value}n` : String(value);
  if (kind === 'd') return numeric(value, Number);
  if (kind === 'i') return numeric(value, (one) => Number.parseInt(one, 10));
  if (kind === 'f') return numeric(value, Number.parseFloat);
  if (kind === 'j') return JSON.stringify(value) ?? 'undefined';
  return kind === 'c' ? '' : inspect(value, { depth: 4 });
}

function format(...values: unknown[]): string {
  const [first, ...rest] = values;
  if (typeof first !== 'string') return values.map(text).join(' ');
  if (values.length === 1) return first;
  const filled = first.replace(/%([sdifjoOc%])/g, (whole, kind: string) => (kind === '%' ? '%' : rest.length === 0 ? whole : substitute(kind, rest.shift())));
  return [filled, ...rest.map(text)].join(' ');
}

const formatWithOptions = (_options: object, ...values: unknown[]): string => format(...values);
const isDeepStrictEqual = (a: unknown, b: unknown): boolean => equalDeeply(a, b, true);
// eslint-disable-next-line no-control-regex
const stripVTControlCharacters = (value: string): string => value.replace(/[\u001b\u009b][[\]()#;?]*(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]/g, '');
const toUSVString = (value: unknown): string => String(value).toWellFormed();
const debuglog = (): (() => void) & { enabled: boolean } => Object.assign(() => undefined, { enabled: false });
const { TextDecoder, TextEncoder } = globalThis;
const { isArray } = Array;
const isString = (value: unknown): value is string => typeof value === 'string';
const isFunction = (value: unknown): boolean => typeof value === 'function';
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const isUndefined = (value: unknown): boolean => value === undefined;
const { isDate, isRegExp, isNativeError: isError } = types;

const util = {
  promisify, callbackify, inherits, deprecate, format, formatWithOptions, inspect, isDeepStrictEqual, stripVTControlCharacters, toUSVString, debuglog,
  debug: debuglog, types, TextDecoder, TextEncoder, isArray, isString, isFunction, isObject, isUndefined, isDate, isRegExp, isError,
};
export {
  promisify, callbackify, inherits, deprecate, format, formatWithOptions, inspect, isDeepStrictEqual, stripVTControlCharacters, toUSVString, debuglog,
  debuglog as debug, types, TextDecoder, TextEncoder, isArray, isString, isFunction, isObject, isUndefined, isDate, isRegExp, isError,
};
export default util;
export { util as 'module.exports' };
