// Gives the JavaScript functions of a QuickJS component a deeper stack, and makes the engine throw its RangeError before the stack ends.
//
// componentize-qjs reserves 1 MiB at the start of the memory for the stack of compiled code, about 3,800 JavaScript frames, and QuickJS does
// not check it there: a deeper recursion runs below address 0, which is a trap that no handler can catch. QuickJS has the check, with a limit
// of 0. This module sets the limit, and lets the interpreter continue on a second stack, which it takes when the first one is used up:
//
//     0         RESERVE               SWITCH_AT         1 MiB           grown at the switch
//     │ no check │ native code only    │ ◄── first stack ─┤ data, heap … │ no check │ ◄──── second stack ─┤
//
// A call that never goes deep allocates nothing, and pays one comparison for each call of a function.

import * as wasm from './instructions.mjs';
import { TYPE, unsigned } from './instructions.mjs';

const PAGE = 65_536;
const SECOND_PAGES = 16;
const RESERVE = 65_536;
/** Below this address functions run on the second stack; the rest of the first one is for native code, such as JSON.parse. */
const SWITCH_AT = 327_680;
const FIRST_TOP = 1_048_576;

/** Offsets in JSRuntime of the pinned QuickJS. `findRuntime` fails when they have changed. */
const STACK_SIZE = 628;
const STACK_TOP = 632;
const STACK_LIMIT = 636;
const CURRENT_EXCEPTION = 640;
const UNINITIALIZED = 0x4_0000_0000n;

/** A segment of data that the module writes at its start, to the address that follows. */
const INITIAL = 0;
const MUTABLE = 1;
const SECTION = { module: 1, component: 4, type: 1, import: 2, function: 3, memory: 5, global: 6, export: 7, code: 10, data: 11, dataCount: 12 };
const KIND = { function: 0, table: 1, memory: 2, global: 3 };

class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  unsigned() {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) return value >>> 0;
    }
  }

  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  name() {
    return this.take(this.unsigned()).toString('utf8');
  }

  /** `i32.const` and its end; its value as an address. */
  constant() {
    expect(this.byte() === wasm.I32_CONST, 'a constant');
    const start = this.at;
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80);
    if (shift < 32 && byte & 0x40) value |= -1 << shift;
    expect(this.byte() === wasm.END && this.at > start, 'the end of a constant');
    return value >>> 0;
  }
}

function expect(condition, what) {
  if (!condition) throw new Error(`componentize-qjs produced a component of another form: ${what} is missing. Install the pinned version.`);
}

function readSections(binary) {
  const reader = new Reader(binary, 8);
  const sections = [];
  while (reader.at < binary.length) sections.push({ id: reader.byte(), body: reader.take(reader.unsigned()) });
  return sections;
}

function writeSections(binary, sections) {
  return Buffer.concat([binary.subarray(0, 8), ...sections.flatMap(({ id, body }) => [Buffer.from([id, ...unsigned(body.length)]), body])]);
}

const body = (sections, id) => sections.find((section) => section.id === id)?.body;

function replace(sections, id, ...parts) {
  sections.find((section) => section.id === id).body = Buffer.concat(parts.map((part) => (Array.isArray(part) ? Buffer.from(part) : part)));
}

/** The parts of a vector section after its count: `[count, rest]`. */
function vector(section) {
  const reader = new Reader(section);
  const count = reader.unsigned();
  return [count, section.subarray(reader.at)];
}

/** The address of QuickJS's JSRuntime, in the module that owns the memory; null in another module. */
function findRuntimeAddress(sections) {
  const memory = body(sections, SECTION.memory);
  const data = body(sections, SECTION.data);
  if (!body(sections, SECTION.export)?.includes('__stack_pointer') || memory === undefined || data === undefined) return null;
  const reader = new Reader(memory);
  expect(reader.unsigned() === 1 && (reader.byte() & 4) === 0, 'one memory of 32 bits');
  return findRuntime(memoryImage(data, reader.unsigned()));
}

function memoryImage(data, pages) {
  const image = Buffer.alloc(pages * PAGE);
  const reader = new Reader(data);
  for (let left = reader.unsigned(); left > 0; left--) {
    expect(reader.unsigned() === 0, 'data with an address');
    const at = reader.constant();
    reader.take(reader.unsigned()).copy(image, at);
  }
  return image;
}

function findRuntime(image) {
  const found = [];
  for (let at = FIRST_TOP; at + CURRENT_EXCEPTION + 8 <= image.length; at += 8) {
    const top = image.readUInt32LE(at + STACK_TOP);
    // The other fields alone also fit some bytecode of handlers.
    if (!startsWithAllocator(image, at)) continue;
    if (top <= FIRST_TOP >> 1 || top > FIRST_TOP || image.readUInt32LE(at + STACK_LIMIT) !== 0 || image.readUInt32LE(at + STACK_SIZE) !== 0) continue;
    if (image.readBigUInt64LE(at + CURRENT_EXCEPTION) === UNINITIALIZED) found.push(at);
  }
  expect(found.length === 1, 'the runtime of QuickJS');
  return found[0];
}

/** Whether the five functions of QuickJS's allocator are at `at`, where each JSRuntime starts: they are neighbours in the table of functions. */
function startsWithAllocator(image, at) {
  const first = image.readUInt32LE(at);
  return first !== 0 && [1, 2, 3, 4].every((next) => image.readUInt32LE(at + 4 * next) === first + next);
}

/** Sets the limit of the first stack, by data that is written after all other. */
function setFirstLimit(sections, runtime) {
  const [count, segments] = vector(body(sections, SECTION.data));
  const limit = Buffer.alloc(4);
  limit.writeUInt32LE(RESERVE);
  replace(sections, SECTION.data, unsigned(count + 1), segments, [INITIAL, ...wasm.i32Const(runtime + STACK_LIMIT), wasm.END, limit.length], limit);
  if (body(sections, SECTION.dataCount)) replace(sections, SECTION.dataCount, unsigned(count + 1));
}

/** Indices of what the interpreter's module imports: how many functions, and the global of the stack pointer. */
function readImports(section) {
  const reader = new Reader(section);
  const found = { functions: 0, globals: 0, stackPointer: null };
  for (let left = reader.unsigned(); left > 0; left--) {
    const [, name, kind] = [reader.name(), reader.name(), reader.byte()];
    if (kind === KIND.function) {
      reader.unsigned();
      found.functions++;
    } else if (kind === KIND.global) {
      reader.take(2);
      if (name === '__stack_pointer') found.stackPointer = found.globals;
      found.globals++;
    } else {
      if (kind === KIND.table) reader.byte();
      const flags = reader.byte();
      reader.unsigned();
      if (flags & 1) reader.unsigned();
    }
  }
  return found;
}

function readBodies(section) {
  const reader = new Reader(section);
  return Array.from({ length: reader.unsigned() }, () => reader.take(reader.unsigned()));
}

function readTypes(section) {
  const reader = new Reader(section);
  return Array.from({ length: reader.unsigned() }, () => reader.unsigned());
}

/** How QuickJS reads the limit: the address of the runtime is on the stack. */
const CHECK = Buffer.from([...wasm.i32Const(STACK_LIMIT), ...wasm.i32Add, ...wasm.i32Load]);
const PARAMETERS = [TYPE.i32, TYPE.i64, TYPE.i64, TYPE.i64, TYPE.i32, TYPE.i32, TYPE.i32];
const CALL_TYPE = Buffer.from([TYPE.function, PARAMETERS.length, ...PARAMETERS, 1, TYPE.i64]);

/** Lets JS_CallInternal, which runs each JavaScript function, start with the question which stack it is on. */
function switchStacks(sections, runtime) {
  const { functions, globals, stackPointer } = readImports(body(sections, SECTION.import));
  const bodies = readBodies(body(sections, SECTION.code));
  const types = readTypes(body(sections, SECTION.function));
  const interpreter = bodies.reduce((best, code, index) => (code.length > bodies[best].length ? index : best), 0);
  expect(stackPointer !== null && bodies[interpreter].includes(CHECK), 'the check of the interpreter');
  expect(body(sections, SECTION.type).includes(CALL_TYPE), 'the type of the interpreter');
  const [ownGlobals, globalEntries] = vector(body(sections, SECTION.global));
  const second = globals + ownGlobals; // the address of the second stack; 0 before the first switch, -1 if there is no memory for it
  replace(sections, SECTION.global, unsigned(ownGlobals + 1), globalEntries, [TYPE.i32, MUTABLE, ...wasm.i32Const(0), wasm.END]);

  const passOn = (callee) => [...PARAMETERS.flatMap((_, index) => wasm.localGet(index)), ...wasm.call(callee)];
  const switcher = functions + bodies.length;
  // Low on the first stack, and there is memory for a second one: let the switcher call this function again.
  const isLow = [...wasm.globalGet(stackPointer), ...wasm.i32Const(SWITCH_AT), ...wasm.i32LtU];
  const hasSecond = [...wasm.globalGet(second), ...wasm.i32Const(-1), ...wasm.i32Ne];
  const switched = wasm.when(TYPE.none, [...passOn(switcher), ...wasm.returnResult]);
  const question = [...isLow, ...wasm.when(TYPE.none, [...hasSecond, ...switched])];
  const code = bodies.map((one, index) => (index === interpreter ? insertAtStart(one, question) : one));
  code.push(Buffer.from(switcherBody(runtime, functions + interpreter, passOn, { stackPointer, second })));
  replace(sections, SECTION.code, unsigned(code.length), ...code.flatMap((one) => [unsigned(one.length), one]));
  replace(sections, SECTION.function, unsigned(types.length + 1), ...types.map(unsigned), unsigned(types[interpreter]));
}

/** The function that takes the second stack, calls the interpreter, and returns to the first. Without memory for it, the call fails as the
 * engine's own check does: the interpreter runs on what is left of the first stack. */
function switcherBody(runtime, interpreter, passOn, { stackPointer, second }) {
  const CALLER = PARAMETERS.length;
  const GROWN = CALLER + 1;
  const setLimit = (value) => [...wasm.i32Const(runtime + STACK_LIMIT), ...value, ...wasm.i32Store];
  const setPointer = (value) => [...value, ...wasm.globalSet(stackPointer)];
  const start = wasm.globalGet(second);
  const above = (bytes) => [...start, ...wasm.i32Const(bytes), ...wasm.i32Add];
  const orFailed = [...wasm.i32Const(-1), ...wasm.localGet(GROWN), ...wasm.i32Const(-1), ...wasm.i32Ne];
  // memory.grow returns the old size in pages, the address of the new memory; -1 if there is none.
  const address = [...wasm.localTee(GROWN), ...wasm.i32Const(Math.log2(PAGE)), ...wasm.i32Shl];
  const grow = [...wasm.i32Const(SECOND_PAGES), ...wasm.memoryGrow, ...address, ...orFailed, ...wasm.select, ...wasm.globalSet(second)];
  const callOnSecond = [
    ...setLimit(above(RESERVE)), ...setPointer(above(SECOND_PAGES * PAGE)),
    ...passOn(interpreter),
    ...setLimit(wasm.i32Const(RESERVE)), ...setPointer(wasm.localGet(CALLER)),
  ];
  const locals = [1, 2, TYPE.i32];
  return [
    ...locals,
    ...wasm.globalGet(stackPointer), ...wasm.localSet(CALLER),
    ...start, ...wasm.i32Eqz, ...wasm.when(TYPE.none, grow),
    ...start, ...wasm.i32Const(-1), ...wasm.i32Ne, ...wasm.when(TYPE.i64, callOnSecond, passOn(interpreter)),
    wasm.END,
  ];
}

/** A function's body with `code` before its first instruction. */
function insertAtStart(bytes, code) {
  const reader = new Reader(bytes);
  for (let left = reader.unsigned(); left > 0; left--) {
    reader.unsigned();
    reader.byte();
  }
  return Buffer.concat([bytes.subarray(0, reader.at), Buffer.from(code), bytes.subarray(reader.at)]);
}

/** Runs `visit` for the sections of each core module of a component, in order; modules for which it returns true are written again. */
function mapModules(binary, visit) {
  const sections = readSections(binary);
  for (const section of sections) {
    if (section.id === SECTION.component) section.body = mapModules(section.body, visit);
    if (section.id === SECTION.module) {
      const inner = readSections(section.body);
      if (visit(inner)) section.body = writeSections(section.body, inner);
    }
  }
  return writeSections(binary, sections);
}

/** The component with the deeper stack. Throws an Error for a component that the pinned componentize-qjs did not make. */
export function deepenStack(component) {
  let runtime = null;
  let changed = 0;
  const result = mapModules(component, (sections) => {
    if (runtime === null) {
      runtime = findRuntimeAddress(sections);
      if (runtime !== null) setFirstLimit(sections, runtime);
      return runtime !== null;
    }
    if (!body(sections, SECTION.code)?.includes(CHECK)) return false;
    switchStacks(sections, runtime);
    changed++;
    return true;
  });
  expect(changed === 1, 'the module of the interpreter');
  return result;
}
