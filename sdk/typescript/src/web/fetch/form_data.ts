// FormData of the XMLHttpRequest standard.
import { define } from '../define.ts';
import { Blob, File, contentOf } from './blob.ts';

export type FormValue = string | File;

function valueOf(value: unknown, filename?: string): FormValue {
  if (!(value instanceof Blob)) return String(value).toWellFormed();
  if (value instanceof File && filename === undefined) return value;
  return new File([contentOf(value)], filename ?? 'blob', { type: value.type });
}

export class FormData implements Iterable<[string, FormValue]> {
  #entries: [string, FormValue][] = [];

  constructor(form?: unknown) {
    if (form !== undefined) throw new TypeError('There are no forms here: use new FormData() and append');
  }

  append(name: string, value: unknown, filename?: string): void {
    this.#entries.push([String(name).toWellFormed(), valueOf(value, filename)]);
  }

  set(name: string, value: unknown, filename?: string): void {
    const at = this.#entries.findIndex(([one]) => one === name);
    if (at < 0) return this.append(name, value, filename);
    this.#entries[at] = [String(name), valueOf(value, filename)];
    this.#entries = this.#entries.filter(([one], index) => one !== name || index === at);
  }

  get(name: string): FormValue | null {
    return this.#entries.find(([one]) => one === name)?.[1] ?? null;
  }

  getAll(name: string): FormValue[] {
    return this.#entries.filter(([one]) => one === name).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this.#entries.some(([one]) => one === name);
  }

  delete(name: string): void {
    this.#entries = this.#entries.filter(([one]) => one !== name);
  }

  forEach(visit: (value: FormValue, name: string, data: FormData) => void, self?: unknown): void {
    for (const [name, value] of this) visit.call(self, value, name, this);
  }

  *entries(): IterableIterator<[string, FormValue]> {
    yield* this.#entries;
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.#entries) yield name;
  }

  *values(): IterableIterator<FormValue> {
    for (const [, value] of this.#entries) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, FormValue]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'FormData';
  }
}

define({ FormData });
