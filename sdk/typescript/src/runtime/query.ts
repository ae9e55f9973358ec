// The query of a request as an object. Parses application/x-www-form-urlencoded as the URL standard specifies.
import { decodeUtf8 } from '../bytes.ts';

function decode(text: string): string {
  if (!/[%+]/.test(text)) return text;
  const spaced = text.replace(/\+/g, ' ');
  return spaced.replace(/(%[0-9a-f]{2})+/gi, (run) =>
    decodeUtf8(Uint8Array.from(run.slice(1).split('%'), (hex) => Number.parseInt(hex, 16))),
  );
}

/** The fields of the query of `url`. A field that occurs several times has its first value, as `URLSearchParams.get` gives it. */
export function queryOf(url: string): Record<string, string> {
  const query = /\?([^#]*)/.exec(url)?.[1] ?? '';
  const fields = new Map<string, string>();
  for (const part of query.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = decode(at < 0 ? part : part.slice(0, at));
    if (!fields.has(name)) fields.set(name, at < 0 ? '' : decode(part.slice(at + 1)));
  }
  return Object.fromEntries(fields);
}
