// Runs before the extension's own modules on StarlingMonkey.
import { isCalling } from './loop.ts';

// What this engine throws for a recursion that is too deep is an InternalError, which no other engine has. Code that expects a RangeError,
// as ECMAScript's authors write it, catches it too.
const scope = globalThis as unknown as { InternalError?: { prototype: Error } };
if (scope.InternalError !== undefined) {
  Object.setPrototypeOf(scope.InternalError.prototype, RangeError.prototype);
  scope.InternalError.prototype.name = 'RangeError';
}

// While modules are evaluated, at build time, there is no host that the engine could ask for a seed. The numbers from then are the same in
// every call anyway.
const builtIn = Math.random;
let state = 0x9e3779b9;
Math.random = (): number => {
  if (isCalling()) return builtIn();
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 4294967296;
};

// Packages look for the properties of buffers while they load, to tell one kind from another. This engine has no shared buffers, and its
// buffers keep their size.
if (!('SharedArrayBuffer' in globalThis)) {
  class SharedArrayBuffer {
    constructor() {
      throw new TypeError('SharedArrayBuffer is not available: an extension has one thread');
    }

    get byteLength(): number {
      throw new TypeError('This is not a SharedArrayBuffer');
    }

    get growable(): boolean {
      throw new TypeError('This is not a SharedArrayBuffer');
    }
  }
  Object.defineProperty(globalThis, 'SharedArrayBuffer', { value: SharedArrayBuffer, writable: true, configurable: true });
}
if (!('resizable' in ArrayBuffer.prototype)) {
  const byteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')!.get!;
  Object.defineProperty(ArrayBuffer.prototype, 'resizable', {
    get(): boolean {
      byteLength.call(this); // throws a TypeError for anything that is no buffer
      return false;
    },
    configurable: true,
  });
}

// The engine's own versions throw an InternalError.
for (const name of ['atob', 'btoa'] as const) {
  const convert = globalThis[name];
  globalThis[name] = (text: string): string => {
    try {
      return convert(text);
    } catch {
      throw new DOMException(`${name} cannot convert this text`, 'InvalidCharacterError');
    }
  };
}
