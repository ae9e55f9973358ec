// The instructions of WebAssembly that `deep_stack.mjs` reads and writes, as bytes (core specification 2.0, sections 5.2 to 5.4).

const OPCODE = {
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  return: 0x0f,
  call: 0x10,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Load: 0x28,
  i32Store: 0x36,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i32Eqz: 0x45,
  i32Ne: 0x47,
  i32LtU: 0x49,
  i32Add: 0x6a,
  i32Shl: 0x74,
};
/** Of an access to memory: addresses are multiples of 4, and what is added to them is 0. */
const ALIGNED_TO_4 = [2, 0];
const FIRST_MEMORY = 0;

export const TYPE = { i32: 0x7f, i64: 0x7e, function: 0x60, none: 0x40 };
export const I32_CONST = OPCODE.i32Const;
export const END = OPCODE.end;

/** A number without a sign in LEB128. */
export function unsigned(value) {
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

export const i32Const = (value) => [OPCODE.i32Const, ...signed(value)];
export const i32Add = [OPCODE.i32Add];
export const i32Shl = [OPCODE.i32Shl];
export const i32Eqz = [OPCODE.i32Eqz];
export const i32Ne = [OPCODE.i32Ne];
export const i32LtU = [OPCODE.i32LtU];
export const i32Load = [OPCODE.i32Load, ...ALIGNED_TO_4];
export const i32Store = [OPCODE.i32Store, ...ALIGNED_TO_4];
export const memoryGrow = [OPCODE.memoryGrow, FIRST_MEMORY];
export const select = [OPCODE.select];
export const returnResult = [OPCODE.return];
export const localGet = (index) => [OPCODE.localGet, ...unsigned(index)];
export const localSet = (index) => [OPCODE.localSet, ...unsigned(index)];
export const localTee = (index) => [OPCODE.localTee, ...unsigned(index)];
export const globalGet = (index) => [OPCODE.globalGet, ...unsigned(index)];
export const globalSet = (index) => [OPCODE.globalSet, ...unsigned(index)];
export const call = (index) => [OPCODE.call, ...unsigned(index)];

/** `if` with the type of its result. The condition is on the stack. Without `otherwise` there is no `else`. */
export const when = (type, then, otherwise) => [OPCODE.if, type, ...then, ...(otherwise ? [OPCODE.else, ...otherwise] : []), OPCODE.end];
