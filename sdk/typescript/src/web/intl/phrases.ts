// Intl.RelativeTimeFormat and Intl.ListFormat of ECMA-402.
import { oneOf } from './date_time.ts';
import type { Part } from './date_time.ts';
import { resolve, supportedLocalesOf } from './locale.ts';
import type { Resolved } from './locale.ts';
import { NumberFormatter } from './number.ts';
import { pluralOf } from './plural_rules.ts';

type Options = Record<string, unknown>;
const optionsOf = (given: unknown): Options => (given === undefined ? {} : Object(given)) as Options;

export class RelativeTimeFormat {
  #resolved: Resolved;
  #style: string;
  #numeric: string;
  #numbers: NumberFormatter;

  constructor(locales?: unknown, given?: unknown) {
    const options = optionsOf(given);
    this.#resolved = resolve(locales);
    this.#style = oneOf(options, 'style', ['long', 'short', 'narrow']) ?? 'long';
    this.#numeric = oneOf(options, 'numeric', ['always', 'auto']) ?? 'always';
    this.#numbers = new NumberFormatter(locales, {});
  }

  formatToParts(input: unknown, unit: unknown): (Part & { unit?: string })[] {
    const [value, name] = [Number(input), String(unit).replace(/s$/, '')];
    const entry = this.#resolved.data.relative[this.#style]?.[name];
    if (entry === undefined) throw new RangeError(`Invalid unit argument for format() '${String(unit)}'`);
    if (!Number.isFinite(value)) throw new RangeError('The value of a relative time must be finite');
    const word = this.#numeric === 'auto' ? entry.words[Object.is(value, -0) ? 0 : value] : undefined;
    if (word !== undefined) return [{ type: 'literal', value: word }];
    const number = this.#numbers.parts(Math.abs(value));
    const shown = number.map(({ type, value: text }) => (type === 'decimal' ? '.' : type === 'group' ? '' : text)).join('');
    const forms = value < 0 || Object.is(value, -0) ? entry.past : entry.future;
    const template = forms[pluralOf(this.#resolved.locale, shown)] ?? forms['other'] ?? [];
    return template.flatMap((part) => (part === 0 ? number.map((one) => ({ ...one, unit: name })) : [{ type: 'literal', value: String(part) }]));
  }

  format(value: unknown, unit: unknown): string {
    return this.formatToParts(value, unit).map((part) => part.value).join('');
  }

  resolvedOptions(): Options {
    return { locale: this.#resolved.locale, style: this.#style, numeric: this.#numeric, numberingSystem: 'latn' };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocalesOf(locales);
  }

  get [Symbol.toStringTag](): string {
    return 'Intl.RelativeTimeFormat';
  }
}

export class ListFormat {
  #resolved: Resolved;
  #type: string;
  #style: string;

  constructor(locales?: unknown, given?: unknown) {
    const options = optionsOf(given);
    this.#resolved = resolve(locales);
    this.#type = oneOf(options, 'type', ['conjunction', 'disjunction', 'unit']) ?? 'conjunction';
    this.#style = oneOf(options, 'style', ['long', 'short', 'narrow']) ?? 'long';
  }

  formatToParts(list: Iterable<unknown> = []): Part[] {
    const items = [...list].map((value) => {
      if (typeof value !== 'string') throw new TypeError('Iterable yielded a value that is not text');
      return { type: 'element', value };
    });
    const [pair, start, middle, end] = this.#resolved.data.join[`${this.#type} ${this.#style}`] as [string, string, string, string];
    return items.flatMap((item, at) => {
      if (at === 0) return [item];
      const value = items.length === 2 ? pair : at === items.length - 1 ? end : at === 1 ? start : middle;
      return [{ type: 'literal', value }, item];
    });
  }

  format(list?: Iterable<unknown>): string {
    return this.formatToParts(list).map((part) => part.value).join('');
  }

  resolvedOptions(): Options {
    return { locale: this.#resolved.locale, type: this.#type, style: this.#style };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocalesOf(locales);
  }

  get [Symbol.toStringTag](): string {
    return 'Intl.ListFormat';
  }
}
