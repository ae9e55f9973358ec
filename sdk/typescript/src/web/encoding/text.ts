// TextEncoder and TextDecoder of the Encoding standard: UTF-8, UTF-16 and every single-byte encoding.
import { TextDecoder, TextEncoder } from '@toolchain/@exodus/bytes/encoding-lite.js';
import { define } from '../define.ts';

define({ TextDecoder, TextEncoder });
