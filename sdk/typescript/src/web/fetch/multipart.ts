// multipart/form-data, written and read as RFC 7578 and the HTML standard specify.
import { decodeUtf8, encodeUtf8 } from '../../bytes.ts';
import { Blob, File, contentOf } from './blob.ts';
import { FormData } from './form_data.ts';

const quoted = (text: string): string => text.replace(/\r\n?|\n/g, '%0D%0A').replace(/"/g, '%22');

/** The body and its content type, with a boundary that occurs in no value because it is random. */
export function writeMultipart(form: FormData): { bytes: Uint8Array; type: string } {
  const boundary = `----formdata-${Array.from({ length: 4 }, () => Math.floor(Math.random() * 2 ** 32).toString(36)).join('')}`;
  const parts: (string | Uint8Array)[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
    if (typeof value === 'string') parts.push(`${head}\r\n\r\n${value.replace(/\r\n?|\n/g, '\r\n')}\r\n`);
    else {
      parts.push(`${head}; filename="${quoted(value.name)}"\r\nContent-Type: ${value.type || 'application/octet-stream'}\r\n\r\n`);
      parts.push(contentOf(value), '\r\n');
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return { bytes: contentOf(new Blob(parts as (string | Uint8Array<ArrayBuffer>)[])), type: `multipart/form-data; boundary=${boundary}` };
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(wanted[0] as number, from); at >= 0; at = bytes.indexOf(wanted[0] as number, at + 1)) {
    let same = 1;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return at;
  }
  return -1;
}

const unquoted = (text: string): string => text.replace(/%0D%0A/gi, '\r\n').replace(/%22/g, '"').replace(/\\"/g, '"');

function readPart(form: FormData, head: string, content: Uint8Array): void {
  const disposition = /^content-disposition:\s*form-data\b(.*)$/im.exec(head)?.[1] ?? '';
  const name = /;\s*name="((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1];
  if (name === undefined) throw new TypeError('A part of the form has no name');
  const filename = /;\s*filename="((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1];
  if (filename === undefined) return form.append(unquoted(name), decodeUtf8(content));
  const type = /^content-type:\s*(.*)$/im.exec(head)?.[1]?.trim() ?? 'application/octet-stream';
  form.append(unquoted(name), new File([content as Uint8Array<ArrayBuffer>], unquoted(filename), { type }));
}

/** Throws a TypeError when the body is not multipart/form-data with this boundary. */
export function readMultipart(bytes: Uint8Array, boundary: string): FormData {
  const form = new FormData();
  const dash = encodeUtf8(`--${boundary}`);
  const delimiter = encodeUtf8(`\r\n--${boundary}`);
  const blank = encodeUtf8('\r\n\r\n');
  let at = indexOf(bytes, dash, 0);
  if (at < 0) throw new TypeError('The body has no part with the boundary of its content type');
  at += dash.length;
  while (!(bytes[at] === 0x2d && bytes[at + 1] === 0x2d)) {
    const body = indexOf(bytes, blank, at);
    const end = body < 0 ? -1 : indexOf(bytes, delimiter, body + 2);
    if (end < 0) throw new TypeError('The form ends too early');
    readPart(form, decodeUtf8(bytes.subarray(at, body)), bytes.slice(Math.min(body + 4, end), end));
    at = end + delimiter.length;
  }
  return form;
}
