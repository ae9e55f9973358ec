// Intl of ECMA-402, and the methods of numbers, dates, text and lists that it changes.
import { define } from '../define.ts';
import { Collator } from './collator.ts';
import { DateTimeFormat, DateTimeFormatter } from './date_time.ts';
import { available, canonical, canonicalList, resolve } from './locale.ts';
import { NumberFormat, NumberFormatter } from './number.ts';
import { ListFormat, RelativeTimeFormat } from './phrases.ts';
import { PluralRules } from './plural_rules.ts';
import { DisplayNames, DurationFormat, Segmenter } from './unavailable.ts';
import { zoneNames } from './zones.ts';

/** Constructors of the older kind work without `new`, too. */
function callable<T extends new (locales?: unknown, options?: unknown) => object>(Kind: T, name: string): T {
  const made = new Proxy(Kind, { apply: (target, _self, args: [unknown?, unknown?]) => new target(...args) });
  Object.defineProperty(Kind, 'name', { value: name });
  return made;
}

class Locale {
  readonly #tag: string;

  constructor(tag: unknown, options: Record<string, unknown> = {}) {
    const [language, ...rest] = canonical(tag).split('-');
    this.#tag = canonical([options['language'] ?? language, ...(options['region'] === undefined ? rest : [...rest.filter((part) => !/^(?:[A-Z]{2}|\d{3})$/.test(part)), options['region']])].join('-'));
  }

  get language(): string {
    return this.#tag.split('-')[0] as string;
  }

  get script(): string | undefined {
    return /^[a-z]+-([A-Z][a-z]{3})/.exec(this.#tag)?.[1];
  }

  get region(): string | undefined {
    return /^[a-z]+(?:-[A-Z][a-z]{3})?-([A-Z]{2}|\d{3})(?=-|$)/.exec(this.#tag)?.[1];
  }

  get baseName(): string {
    return this.#tag.replace(/-[a-z\d]-.*$/, '');
  }

  toString(): string {
    return this.#tag;
  }

  get [Symbol.toStringTag](): string {
    return 'Intl.Locale';
  }
}

function supportedValuesOf(key: string): string[] {
  if (key === 'timeZone') return zoneNames();
  if (key === 'currency') return Object.keys(resolve('en').data.numbers.currencies).sort();
  if (key === 'calendar') return ['gregory'];
  if (key === 'numberingSystem') return ['latn'];
  if (key === 'collation') return [];
  if (key === 'unit') return Object.keys(resolve('en').data.numbers.units).sort();
  throw new RangeError(`Invalid key : ${key}`);
}

const Intl = {
  Collator: callable(Collator, 'Collator'), DateTimeFormat: callable(DateTimeFormat, 'DateTimeFormat'), NumberFormat: callable(NumberFormat, 'NumberFormat'),
  ListFormat, Locale, PluralRules, RelativeTimeFormat, DisplayNames, DurationFormat, Segmenter, supportedValuesOf,
  getCanonicalLocales: (locales?: unknown): string[] => canonicalList(locales),
};
Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl' });
define({ Intl });

function method(prototype: object, name: string, value: (this: never, ...args: never[]) => unknown): void {
  Object.defineProperty(value, 'name', { value: name });
  Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
}

const dateText = (required: 'any' | 'date' | 'time', defaults: 'all' | 'date' | 'time') =>
  function text(this: Date, locales?: unknown, options?: unknown): string {
    const formatter = new DateTimeFormatter(locales, options, required, defaults);
    return Number.isNaN(this.getTime()) ? 'Invalid Date' : formatter.format(this);
  };

method(Date.prototype, 'toLocaleString', dateText('any', 'all'));
method(Date.prototype, 'toLocaleDateString', dateText('date', 'date'));
method(Date.prototype, 'toLocaleTimeString', dateText('time', 'time'));
method(Number.prototype, 'toLocaleString', function (this: number, locales?: unknown, options?: unknown) {
  return new NumberFormatter(locales, options).format(Number(this));
});
method(BigInt.prototype, 'toLocaleString', function (this: bigint, locales?: unknown, options?: unknown) {
  return new NumberFormatter(locales, options).format(BigInt(this));
});

const standard = new Collator();
method(String.prototype, 'localeCompare', function (this: string, other: unknown, locales?: unknown, options?: unknown) {
  return (locales === undefined && options === undefined ? standard : new Collator(locales, options)).compare(String(this), String(other));
});

/** Turkish and Azeri have an i with a dot and one without; the other languages that change case have their own rules in Unicode. */
const changed = (native: (this: string) => string, swap: Record<string, string>) =>
  function changeCase(this: string, locales?: unknown): string {
    const [tag = ''] = canonicalList(locales);
    if (/^lt\b/.test(tag)) throw new RangeError('Changing the case of Lithuanian is not available in extensions');
    return native.call(/^(?:tr|az)\b/.test(tag) ? String(this).replace(/i\u0307|[iI\u0131\u0130]/g, (letter) => swap[letter] ?? letter) : String(this));
  };
method(String.prototype, 'toLocaleUpperCase', changed(String.prototype.toUpperCase, { i: '\u0130' }));
method(String.prototype, 'toLocaleLowerCase', changed(String.prototype.toLowerCase, { I: '\u0131', '\u0130': 'i' }));
method(Array.prototype, 'toLocaleString', function (this: { toLocaleString(...args: unknown[]): string }[], ...args: unknown[]) {
  return this.map((item) => (item == null ? '' : item.toLocaleString(...args))).join(',');
});

export { available };
