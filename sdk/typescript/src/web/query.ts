// URLSearchParams: parses and writes application/x-www-form-urlencoded as the URL standard specifies.
import { decodeUtf8, encodeUtf8 } from '../bytes.ts';

function decodeForm(text: string): string {
  const bytes = encodeUtf8(text.replace(/\+/g, ' '));
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const hex = bytes[i] === 0x25 ? String.fromCharCode(bytes[i + 1] ?? 0, bytes[i + 2] ?? 0) : '';
    if (/^[0-9a-f]{2}$/i.test(hex)) {
      out.push(Number.parseInt(hex, 16));
      i += 2;
    } else {
      out.push(bytes[i] as number);
    }
  }
  return decodeUtf8(Uint8Array.from(out));
}

function encodeForm(text: string): string {
  let out = '';
  for (const byte of encodeUtf8(text)) {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9*\-._]/.test(character)) out += character;
    else out += byte === 0x20 ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

export type SearchParamsInit = string | Iterable<[string, string]> | Record<string, string>;

export class URLSearchParams implements Iterable<[string, string]> {
  private pairs: [string, string][] = [];
  private changed: ((query: string) => void) | undefined;

  constructor(init: SearchParamsInit = '', changed?: (query: string) => void) {
    if (typeof init === 'string') {
      for (const part of init.replace(/^\?/, '').split('&')) {
        if (part === '') continue;
        const at = part.indexOf('=');
        this.pairs.push(at < 0 ? [decodeForm(part), ''] : [decodeForm(part.slice(0, at)), decodeForm(part.slice(at + 1))]);
      }
    } else {
      const entries = Symbol.iterator in init ? (init as Iterable<[string, string]>) : Object.entries(init);
      for (const [name, value] of entries) this.pairs.push([String(name), String(value)]);
    }
    this.changed = changed;
  }

  private notify(): void {
    this.changed?.(this.toString());
  }

  get size(): number {
    return this.pairs.length;
  }

  append(name: string, value: string): void {
    this.pairs.push([String(name), String(value)]);
    this.notify();
  }

  delete(name: string, value?: string): void {
    this.pairs = this.pairs.filter(([key, current]) => key !== name || (value !== undefined && current !== value));
    this.notify();
  }

  get(name: string): string | null {
    return this.pairs.find(([key]) => key === name)?.[1] ?? null;
  }

  getAll(name: string): string[] {
    return this.pairs.filter(([key]) => key === name).map(([, value]) => value);
  }

  has(name: string, value?: string): boolean {
    return this.pairs.some(([key, current]) => key === name && (value === undefined || current === value));
  }

  set(name: string, value: string): void {
    const at = this.pairs.findIndex(([key]) => key === name);
    if (at < 0) this.pairs.push([name, String(value)]);
    else {
      this.pairs[at] = [name, String(value)];
      this.pairs = this.pairs.filter(([key], index) => key !== name || index === at);
    }
    this.notify();
  }

  sort(): void {
    this.pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.notify();
  }

  forEach(visit: (value: string, name: string, params: URLSearchParams) => void): void {
    for (const [name, value] of this.pairs) visit(value, name, this);
  }

  *entries(): IterableIterator<[string, string]> {
    yield* this.pairs;
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.pairs) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.pairs) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  toString(): string {
    return this.pairs.map(([name, value]) => `${encodeForm(name)}=${encodeForm(value)}`).join('&');
  }
}
