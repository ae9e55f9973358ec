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
    expect(this.byte() === 0x41, 'a constant');
    const start = this.at;
    let [value, shift, byte] = [0, 0, 0];
    do {
      byte = this.byte();
      value |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80);
    if (shift < 32 && byte & 0x40) value |= -1 << shift;
    expect(this.byte() === 0x0b && this.at > start, 'the end of a constant');
    return value >>> 0;
  }
}

function expect(condition, what) {
  if (!condition) throw new Error(`componentize-qjs produced a component of another form: ${what} is missing. Install the pinned version.`);
}

function unsigned(value) {
  const bytes = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>>= 7;
    if (value === 0) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

function signed(value) {
  const bytes = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if ((value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
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
  replace(sections, SECTION.data, unsigned(count + 1), segments, [0, 0x41, ...signed(runtime + STACK_LIMIT), 0x0b, 4], limit);
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

const CHECK = Buffer.from([0x41, ...signed(STACK_LIMIT), 0x6a, 0x28, 0x02, 0x00]);
const [I32, I64] = [0x7f, 0x7e];
const CALL_TYPE = Buffer.from([0x60, 7, I32, I64, I64, I64, I32, I32, I32, 1, I64]);

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
  replace(sections, SECTION.global, unsigned(ownGlobals + 1), globalEntries, [I32, 1, 0x41, 0, 0x0b]);

  const passOn = (callee) => [...[0, 1, 2, 3, 4, 5, 6].flatMap((index) => [0x20, index]), 0x10, ...unsigned(callee)];
  const switcher = functions + bodies.length;
  const question = [
    0x23, ...unsigned(stackPointer), 0x41, ...signed(SWITCH_AT), 0x49, 0x04, 0x40,
    0x23, ...unsigned(second), 0x41, 0x7f, 0x47, 0x04, 0x40, ...passOn(switcher), 0x0f, 0x0b, 0x0b,
  ];
  const code = bodies.map((one, index) => (index === interpreter ? insertAtStart(one, question) : one));
  code.push(Buffer.from(switcherBody(runtime, functions + interpreter, passOn, { stackPointer, second })));
  replace(sections, SECTION.code, unsigned(code.length), ...code.flatMap((one) => [unsigned(one.length), one]));
  replace(sections, SECTION.function, unsigned(types.length + 1), ...types.map(unsigned), unsigned(types[interpreter]));
}

/** The function that takes the second stack, calls the interpreter, and returns to the first. Without memory for it, the call fails as the
 * engine's own check does: the interpreter runs on what is left of the first stack. */
function switcherBody(runtime, interpreter, passOn, { stackPointer, second }) {
  const [CALLER, GROWN] = [7, 8];
  const setLimit = (value) => [0x41, ...signed(runtime + STACK_LIMIT), ...value, 0x36, 2, 0];
  const setPointer = (value) => [...value, 0x24, ...unsigned(stackPointer)];
  const start = [0x23, ...unsigned(second)];
  return [
    1, 2, I32,
    0x23, ...unsigned(stackPointer), 0x21, CALLER,
    // if there is none yet: grow the memory
    ...start, 0x45, 0x04, 0x40,
    0x41, ...signed(SECOND_PAGES), 0x40, 0, 0x22, GROWN, 0x41, 16, 0x74, 0x41, 0x7f, 0x20, GROWN, 0x41, 0x7f, 0x47, 0x1b, 0x24, ...unsigned(second),
    0x0b,
    ...start, 0x41, 0x7f, 0x47, 0x04, I64,
    ...setLimit([...start, 0x41, ...signed(RESERVE), 0x6a]), ...setPointer([...start, 0x41, ...signed(SECOND_PAGES * PAGE), 0x6a]),
    ...passOn(interpreter),
    ...setLimit([0x41, ...signed(RESERVE)]), ...setPointer([0x20, CALLER]),
    0x05,
    ...passOn(interpreter),
    0x0b, 0x0b,
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
