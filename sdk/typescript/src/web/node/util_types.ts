// The module `util/types`.

const tag = (value: unknown): string => Object.prototype.toString.call(value).slice('[object '.length, -1);
const is = (...tags: string[]) => (value: unknown): boolean => typeof value === 'object' && value !== null && tags.includes(tag(value));

export const isAnyArrayBuffer = is('ArrayBuffer', 'SharedArrayBuffer');
export const isArrayBuffer = is('ArrayBuffer');
export const isArrayBufferView = (value: unknown): boolean => ArrayBuffer.isView(value);
export const isAsyncFunction = (value: unknown): boolean => tag(value) === 'AsyncFunction';
export const isBoxedPrimitive = is('Number', 'String', 'Boolean', 'BigInt', 'Symbol');
export const isDataView = is('DataView');
export const isDate = (value: unknown): boolean => value instanceof Date;
export const isGeneratorFunction = (value: unknown): boolean => /GeneratorFunction$/.test(tag(value));
export const isGeneratorObject = is('Generator');
export const isMap = (value: unknown): boolean => value instanceof Map;
export const isNativeError = (value: unknown): boolean => value instanceof Error;
export const isPromise = (value: unknown): boolean => value instanceof Promise;
export const isProxy = (): boolean => false;
export const isRegExp = (value: unknown): boolean => value instanceof RegExp;
export const isSet = (value: unknown): boolean => value instanceof Set;
export const isSharedArrayBuffer = is('SharedArrayBuffer');
export const isTypedArray = (value: unknown): boolean => ArrayBuffer.isView(value) && !(value instanceof DataView);
export const isUint8Array = (value: unknown): boolean => value instanceof Uint8Array;
export const isWeakMap = (value: unknown): boolean => value instanceof WeakMap;
export const isWeakSet = (value: unknown): boolean => value instanceof WeakSet;
