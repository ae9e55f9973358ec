// Converts text to UTF-8 and back without TextEncoder: the guest's engine has none, and every handler needs this.
import type { BodyLike } from './types.ts';

/** Encodes text as UTF-8; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = code <= 0xdbff && i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i++;
      } else {
        code = 0xfffd;
      }
    }
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x10000) {
        bytes[at++] = 0xe0 | (code >> 12);
      } else {
        bytes[at++] = 0xf0 | (code >> 18);
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[at++] = 0x80 | (code & 0x3f);
  }
  return bytes.slice(0, at);
}

/** The first and last valid second byte for a lead byte. This check rejects overlong forms and surrogates. */
function secondByteRange(lead: number): [number, number] {
  if (lead === 0xe0) return [0xa0, 0xbf];
  if (lead === 0xed) return [0x80, 0x9f];
  if (lead === 0xf0) return [0x90, 0xbf];
  if (lead === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}

/** Decodes UTF-8. A malformed sequence becomes U+FFFD, or throws a TypeError when `fatal`. */
export function decodeUtf8(bytes: Uint8Array, fatal = false): string {
  const parts: string[] = [];
  let units: number[] = [];
  const malformed = (): void => {
    if (fatal) throw new TypeError('The bytes are not valid UTF-8');
    units.push(0xfffd);
  };
  for (let i = 0; i < bytes.length; ) {
    if (units.length > 4096) {
      parts.push(String.fromCharCode(...units));
      units = [];
    }
    const lead = bytes[i++] as number;
    if (lead < 0x80) {
      units.push(lead);
      continue;
    }
    const more = lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
    if (more === 0) {
      malformed();
      continue;
    }
    let code = lead & (0x3f >> more);
    let [first, last] = secondByteRange(lead);
    let complete = true;
    for (let k = 0; k < more; k++) {
      const byte = bytes[i];
      if (byte === undefined || byte < first || byte > last) {
        complete = false;
        break;
      }
      code = (code << 6) | (byte & 0x3f);
      i++;
      first = 0x80;
      last = 0xbf;
    }
    if (!complete) malformed();
    else if (code < 0x10000) units.push(code);
    else units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
  }
  parts.push(String.fromCharCode(...units));
  return parts.join('');
}

/** The bytes of a body; text as UTF-8. Throws a TypeError for anything else. */
export function toBytes(body: BodyLike, what: string): Uint8Array {
  if (typeof body === 'string') return encodeUtf8(body);
  if (body instanceof Uint8Array) return body;
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) {
    const view = body as ArrayBufferView;
    return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  }
  throw new TypeError(`${what} must be text or bytes, not ${describe(body)}; use JSON.stringify, or return jsonResponse(…)`);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return value === null ? 'null' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
