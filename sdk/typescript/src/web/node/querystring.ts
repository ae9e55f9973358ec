// The module `querystring`, by the package `querystring-es3`.
import { decode, encode } from '@toolchain/querystring-es3';

const parse = decode;
const stringify = encode;
const escape = (text: unknown): string => encodeURIComponent(String(text));

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const querystring = { decode, encode, escape, parse, stringify, unescape };

export { decode, encode, escape, parse, stringify, unescape };
export default querystring;
export { querystring as 'module.exports' };
