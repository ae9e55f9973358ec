// Headers of the Fetch standard. Names are compared without regard to case; several values of one name are joined, except Set-Cookie.
import { define } from '../define.ts';

export type HeadersInit = Headers | Record<string, string> | Iterable<Iterable<string> | { name: string; value: string }>;

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function nameOf(name: unknown): string {
  const text = String(name);
  if (!NAME.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a valid header name`);
  return text.toLowerCase();
}

function valueOf(name: string, value: unknown): string {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  // eslint-disable-next-line no-control-regex
  if (/[\0\r\n]|[^\0-\xff]/.test(text)) throw new TypeError(`The value of the header ${name} contains a character that headers cannot carry`);
  return text;
}

/** The pair of an item of a list: `[name, value]`, or `{name, value}` as the requests of handlers carry their headers. */
function pairOf(item: unknown): [unknown, unknown] {
  if (typeof item === 'object' && item !== null && Symbol.iterator in item) {
    const pair = [...(item as Iterable<unknown>)];
    if (pair.length === 2) return pair as [unknown, unknown];
  } else if (typeof item === 'object' && item !== null && 'name' in item && 'value' in item) return [item.name, item.value];
  throw new TypeError('Headers are a list of [name, value] pairs, or an object');
}

export class Headers implements Iterable<[string, string]> {
  #list: [string, string][] = [];

  constructor(init?: HeadersInit | null) {
    if (init == null) return;
    if (typeof init !== 'object') throw new TypeError('Headers are a list of [name, value] pairs, or an object');
    const pairs = Symbol.iterator in init ? Array.from(init as Iterable<unknown>, pairOf) : Object.entries(init);
    for (const [name, value] of pairs) this.append(name as string, value as string);
  }

  append(name: string, value: string): void {
    const known = nameOf(name);
    this.#list.push([known, valueOf(known, value)]);
  }

  set(name: string, value: string): void {
    const known = nameOf(name);
    const checked = valueOf(known, value);
    const at = this.#list.findIndex(([one]) => one === known);
    if (at < 0) this.#list.push([known, checked]);
    else this.#list = this.#list.filter(([one], index) => one !== known || index === at).map((pair, index) => (index === at ? [known, checked] : pair));
  }

  get(name: string): string | null {
    const known = nameOf(name);
    const values = this.#list.filter(([one]) => one === known).map(([, value]) => value);
    return values.length === 0 ? null : values.join(', ');
  }

  getSetCookie(): string[] {
    return this.#list.filter(([name]) => name === 'set-cookie').map(([, value]) => value);
  }

  has(name: string): boolean {
    const known = nameOf(name);
    return this.#list.some(([one]) => one === known);
  }

  delete(name: string): void {
    const known = nameOf(name);
    this.#list = this.#list.filter(([one]) => one !== known);
  }

  forEach(visit: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
    for (const [name, value] of this) visit.call(self, value, name, this);
  }

  *entries(): IterableIterator<[string, string]> {
    for (const name of [...new Set(this.#list.map(([one]) => one))].sort()) {
      if (name === 'set-cookie') for (const value of this.getSetCookie()) yield [name, value];
      else yield [name, this.get(name) as string];
    }
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'Headers';
  }
}

define({ Headers });
