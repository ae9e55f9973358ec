// The module `buffer`.
import '../fetch/blob.ts';
import '../encoding/text.ts';
import { INSPECT_MAX_BYTES, SlowBuffer, kMaxLength } from '@toolchain/buffer';
import { Buffer } from './buffer.ts';

const { Blob, File, atob, btoa } = globalThis;
const constants = { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: 0x1fffffe8 };
const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};
const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 0x80);

export { Buffer, SlowBuffer, Blob, File, atob, btoa, constants, kMaxLength, INSPECT_MAX_BYTES, isUtf8, isAscii };
export default { Buffer, SlowBuffer, Blob, File, atob, btoa, constants, kMaxLength, INSPECT_MAX_BYTES, isUtf8, isAscii };
