// URL for http, https, ws, wss and other schemes with an authority; a subset of the URL standard: host names are lower-cased but not
// converted from Unicode, and IPv4 addresses are not rewritten. This is enough to read the URL of a request and to build that of another server.
import { encodeUtf8 } from '../bytes.ts';
import { URLSearchParams } from './query.ts';

const PORTS: Record<string, string> = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21' };

function escape(text: string, forbidden: RegExp): string {
  let out = '';
  for (const character of text) {
    if (character.charCodeAt(0) > 0x20 && character.charCodeAt(0) < 0x7f && !forbidden.test(character)) out += character;
    else for (const byte of encodeUtf8(character)) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** Removes `.` and `..` segments. */
function normalisePath(path: string): string {
  const out: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, index) => {
    const plain = segment.replace(/%2e/gi, '.');
    const last = index === segments.length - 1;
    if (plain === '..') {
      out.pop();
      if (last) out.push('');
    } else if (plain === '.') {
      if (last) out.push('');
    } else out.push(segment);
  });
  return `/${out.join('/')}`;
}

export class URL {
  protocol = '';
  username = '';
  password = '';
  hostname = '';
  port = '';
  pathname = '/';
  private query = '';
  private fragment = '';
  readonly searchParams: URLSearchParams;

  constructor(url: string | URL, base?: string | URL) {
    const text = String(url).trim();
    const absolute = /^([a-z][a-z0-9+.-]*:)\/\/([^/?#\\]*)([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(text);
    if (absolute !== null) {
      const [, scheme = '', authority = '', path = '', query = '', fragment = ''] = absolute;
      this.protocol = scheme.toLowerCase();
      this.readAuthority(authority, text);
      this.readRest(path === '' ? '/' : path, query, fragment);
    } else {
      if (base === undefined || /^[a-z][a-z0-9+.-]*:/i.test(text)) throw new TypeError(`Invalid URL: ${text}`);
      this.resolve(text, base instanceof URL ? base : new URL(base));
    }
    this.searchParams = new URLSearchParams(this.query, (query) => {
      this.query = query === '' ? '' : `?${query}`;
    });
  }

  private readAuthority(authority: string, whole: string): void {
    const match = /^(?:([^@]*)@)?(\[[0-9a-f:.]+\]|[^:@[\]\s<>^|%]*)(?::(\d*))?$/is.exec(authority);
    if (match === null) throw new TypeError(`Invalid URL: ${whole}`);
    const [, credentials = '', hostname = '', port = ''] = match;
    if ((hostname === '' && this.protocol !== 'file:') || Number(port) > 65535) throw new TypeError(`Invalid URL: ${whole}`);
    const [username = '', ...password] = credentials.split(':');
    this.username = username;
    this.password = password.join(':');
    this.hostname = hostname.toLowerCase();
    this.port = port === '' || String(Number(port)) === PORTS[this.protocol] ? '' : String(Number(port));
  }

  private readRest(path: string, query: string, fragment: string): void {
    this.pathname = normalisePath(escape(path.replace(/\\/g, '/'), /["<>`{}^]/));
    this.query = query.length > 1 ? escape(query, /["'<>]/) : '';
    this.fragment = fragment.length > 1 ? escape(fragment, /["<>`]/) : '';
  }

  private resolve(text: string, base: URL): void {
    const [, path = '', query = '', fragment = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text) as RegExpExecArray;
    this.protocol = base.protocol;
    if (path.startsWith('//')) {
      const [authority = ''] = path.slice(2).split('/');
      this.readAuthority(authority, text);
      return this.readRest(path.slice(2 + authority.length) || '/', query, fragment);
    }
    this.username = base.username;
    this.password = base.password;
    this.hostname = base.hostname;
    this.port = base.port;
    const folder = base.pathname.slice(0, base.pathname.lastIndexOf('/') + 1);
    const whole = path === '' ? base.pathname : path.startsWith('/') ? path : folder + path;
    this.readRest(whole, path === '' && query === '' ? base.search : query, fragment);
  }

  get host(): string {
    return this.port === '' ? this.hostname : `${this.hostname}:${this.port}`;
  }

  get origin(): string {
    return this.protocol in PORTS ? `${this.protocol}//${this.host}` : 'null';
  }

  get search(): string {
    return this.query;
  }

  set search(value: string) {
    const params = new URLSearchParams(value);
    for (const name of [...this.searchParams.keys()]) this.searchParams.delete(name);
    for (const [name, current] of params) this.searchParams.append(name, current);
    this.query = value === '' || value === '?' ? '' : escape(value.startsWith('?') ? value : `?${value}`, /["'<>]/);
  }

  get hash(): string {
    return this.fragment;
  }

  set hash(value: string) {
    this.fragment = value === '' || value === '#' ? '' : escape(value.startsWith('#') ? value : `#${value}`, /["<>`]/);
  }

  get href(): string {
    const credentials = this.username === '' ? '' : `${this.username}${this.password === '' ? '' : `:${this.password}`}@`;
    return `${this.protocol}//${credentials}${this.host}${this.pathname}${this.query}${this.fragment}`;
  }

  static canParse(url: string, base?: string): boolean {
    try {
      new URL(url, base);
      return true;
    } catch {
      return false;
    }
  }

  toString(): string {
    return this.href;
  }

  toJSON(): string {
    return this.href;
  }
}
