// Intl.NumberFormat of ECMA-402, for Latin digits. The patterns are ICU's own (scripts/intl/locales.mjs).
import { oneOf, unavailable } from './date_time.ts';
import type { Part } from './date_time.ts';
import { decimalOf, magnitude, plainDigits, roundTo, scaled } from './decimal.ts';
import type { Decimal, Rounding } from './decimal.ts';
import { resolve, supportedLocalesOf } from './locale.ts';
import type { Resolved } from './locale.ts';
import type { NumberData, Template } from './locale_data.ts';
import { pluralOf } from './plural_rules.ts';

type Options = Record<string, unknown>;

const ROUNDINGS = ['ceil', 'floor', 'expand', 'trunc', 'halfCeil', 'halfFloor', 'halfExpand', 'halfTrunc', 'halfEven'];
const WITHOUT_FRACTION = ['JPY', 'KRW', 'CLP', 'ISK', 'VND', 'PYG', 'UGX', 'RWF', 'XAF', 'XOF', 'XPF', 'KMF', 'DJF', 'GNF', 'BIF', 'VUV', 'UYI'];
const THREE_DIGITS = ['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'];
// A function: StarlingMonkey cannot make this expression, and must load modules that never use it.
const hasLetter = (text: string): boolean => /\p{L}/u.test(text);

export interface NumberSettings {
  resolved: Resolved;
  style: string;
  currency: string | undefined;
  currencyDisplay: string;
  accounting: boolean;
  unit: string | undefined;
  unitDisplay: string;
  notation: string;
  compactDisplay: 'short' | 'long';
  signDisplay: string;
  grouping: string;
  minInteger: number;
  fraction: [number, number];
  significant: [number, number] | null;
  rounding: Rounding;
  /** Compact numbers without digits of their own have two significant digits, or none after the point. */
  compactRounding: boolean;
}

function count(options: Options, name: string, low: number, high: number): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number >= low && number <= high)) throw new RangeError(`${name} value is out of range.`);
  return Math.floor(number);
}

function fractionOf(options: Options, standard: [number, number]): [number, number] {
  const [min, max] = [count(options, 'minimumFractionDigits', 0, 100), count(options, 'maximumFractionDigits', 0, 100)];
  if (min === undefined && max === undefined) return standard;
  if (min === undefined) return [Math.min(standard[0], max as number), max as number];
  if (max === undefined) return [min, Math.max(standard[1], min)];
  if (min > max) throw new RangeError('maximumFractionDigits value is out of range.');
  return [min, max];
}

function significantOf(options: Options): [number, number] | null {
  const [min, max] = [count(options, 'minimumSignificantDigits', 1, 21), count(options, 'maximumSignificantDigits', 1, 21)];
  if (min === undefined && max === undefined) return null;
  if ((min ?? 1) > (max ?? 21)) throw new RangeError('maximumSignificantDigits value is out of range.');
  return [min ?? 1, max ?? 21];
}

function groupingOf(options: Options, notation: string): string {
  const value = options['useGrouping'];
  const standard = notation === 'compact' ? 'min2' : 'auto';
  if (value === undefined || value === 'true' || value === 'false') return standard;
  if (value === true) return 'always';
  if (!value) return 'false';
  return oneOf(options, 'useGrouping', ['min2', 'auto', 'always']) as string;
}

function settingsOf(locales: unknown, given: unknown): NumberSettings {
  const options = (given === undefined ? {} : Object(given)) as Options;
  const resolved = resolve(locales);
  const system = options['numberingSystem'] ?? resolved.keywords['nu'] ?? 'latn';
  if (system !== 'latn') unavailable(`The numbering system ${String(system)}`);
  if (options['roundingIncrement'] !== undefined && options['roundingIncrement'] !== 1) unavailable('The option roundingIncrement');
  if (options['roundingPriority'] !== undefined && options['roundingPriority'] !== 'auto') unavailable('The option roundingPriority');
  if (options['trailingZeroDisplay'] !== undefined && options['trailingZeroDisplay'] !== 'auto') unavailable('The option trailingZeroDisplay');
  const style = oneOf(options, 'style', ['decimal', 'percent', 'currency', 'unit']) ?? 'decimal';
  const currency = options['currency'] === undefined ? undefined : String(options['currency']).toUpperCase();
  if (currency !== undefined && !/^[A-Z]{3}$/.test(currency)) throw new RangeError(`Invalid currency code : ${currency}`);
  if (style === 'currency' && currency === undefined) throw new TypeError('Currency code is required with currency style.');
  const unit = options['unit'] === undefined ? undefined : String(options['unit']);
  if (style === 'unit' && unit === undefined) throw new TypeError('Required unit is not given');
  const notation = oneOf(options, 'notation', ['standard', 'compact', 'scientific', 'engineering']) ?? 'standard';
  if (notation === 'scientific' || notation === 'engineering') unavailable(`The notation ${notation}`);
  const currencyDigits = WITHOUT_FRACTION.includes(currency ?? '') ? 0 : THREE_DIGITS.includes(currency ?? '') ? 3 : 2;
  const standard: [number, number] = style === 'currency' ? [currencyDigits, currencyDigits] : style === 'percent' ? [0, 0] : [0, 3];
  const significant = significantOf(options);
  const own = ['minimumFractionDigits', 'maximumFractionDigits'].some((name) => options[name] !== undefined);
  return {
    resolved, style, currency, unit, notation, significant,
    currencyDisplay: oneOf(options, 'currencyDisplay', ['code', 'symbol', 'narrowSymbol', 'name']) ?? 'symbol',
    accounting: oneOf(options, 'currencySign', ['standard', 'accounting']) === 'accounting',
    unitDisplay: oneOf(options, 'unitDisplay', ['short', 'narrow', 'long']) ?? 'short',
    compactDisplay: (oneOf(options, 'compactDisplay', ['short', 'long']) ?? 'short') as 'short' | 'long',
    signDisplay: oneOf(options, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative']) ?? 'auto',
    grouping: groupingOf(options, notation),
    minInteger: count(options, 'minimumIntegerDigits', 1, 21) ?? 1,
    fraction: fractionOf(options, notation === 'compact' && !own ? [0, 0] : standard),
    rounding: (oneOf(options, 'roundingMode', ROUNDINGS) ?? 'halfExpand') as Rounding,
    compactRounding: notation === 'compact' && significant === null && !own,
  };
}

interface Digits {
  whole: string;
  fraction: string;
  zero: boolean;
}

function round(value: Decimal, settings: NumberSettings): Decimal {
  if (settings.significant !== null) return roundTo(value, magnitude(value) - settings.significant[1] + 1, settings.rounding);
  if (settings.compactRounding) return roundTo(value, Math.min(0, magnitude(value) - 1), settings.rounding);
  return roundTo(value, -settings.fraction[1], settings.rounding);
}

function digitsOf(value: Decimal, settings: NumberSettings): Digits {
  const rounded = round(value, settings);
  const least = settings.significant === null ? settings.fraction[0] : Math.max(0, settings.significant[0] - magnitude(rounded) - 1);
  const [whole, fraction] = plainDigits(rounded, settings.minInteger, settings.compactRounding ? 0 : least);
  return { whole, fraction, zero: rounded.digits === '' };
}

function grouped(whole: string, data: NumberData, settings: NumberSettings): Part[] {
  const currency = settings.style === 'currency';
  const [primary, secondary] = data.sizes;
  const least = settings.grouping === 'always' ? 1 : settings.grouping === 'min2' ? 2 : currency ? data.currencyMinimumGrouping : data.minimumGrouping;
  if (settings.grouping === 'false' || whole.length < primary + least) return [{ type: 'integer', value: whole }];
  const groups = [whole.slice(-primary)];
  let rest = whole.slice(0, -primary);
  while (rest !== '') {
    groups.unshift(rest.slice(-secondary));
    rest = rest.slice(0, -secondary);
  }
  const group = { type: 'group', value: currency ? data.currencyGroup : data.group };
  return groups.flatMap((value, at) => (at === 0 ? [{ type: 'integer', value }] : [group, { type: 'integer', value }]));
}

function numberParts({ whole, fraction }: Digits, data: NumberData, settings: NumberSettings): Part[] {
  const parts = grouped(whole, data, settings);
  if (fraction === '') return parts;
  return [...parts, { type: 'decimal', value: settings.style === 'currency' ? data.currencyDecimal : data.decimal }, { type: 'fraction', value: fraction }];
}

function currencyText(data: NumberData, { currency = '', currencyDisplay }: NumberSettings): string {
  if (currencyDisplay === 'code') return currency;
  if (currencyDisplay === 'name') return unavailable('currencyDisplay "name"');
  return data.currencies[currency]?.[currencyDisplay === 'narrowSymbol' ? 1 : 0] ?? currency;
}

/** The template of the number itself, before a sign: what stands around its digits. */
function templateOf(data: NumberData, settings: NumberSettings, plural: () => string): Template {
  if (settings.style === 'percent') return data.percentPattern;
  if (settings.style === 'unit') {
    const forms = data.units[settings.unit as string]?.[settings.unitDisplay] ?? unavailable(`The unit ${settings.unit}`);
    return forms[plural()] ?? (forms['other'] as Template);
  }
  if (settings.style === 'decimal') return [0];
  const text = currencyText(data, settings);
  const pattern = data.currencyPattern[0] === 1 ? text.slice(-1) : text.slice(0, 1);
  return hasLetter(pattern) ? data.currencyCodePattern : data.currencyPattern;
}

/** Puts the sign where ICU puts it. */
function signed(template: Template, sign: 3 | 4 | null, data: NumberData, settings: NumberSettings): Template {
  if (sign === null) return template;
  if (settings.style !== 'currency') return [sign, ...template];
  if (sign === 3 && settings.accounting && settings.notation === 'standard') return data.accounting;
  const negative = template === data.currencyCodePattern ? data.negativeCode : data.negativeCurrency;
  return negative.map((part) => (part === 3 ? sign : part));
}

function signOf(negative: boolean, zero: boolean, display: string): 3 | 4 | null {
  if (display === 'never') return null;
  if (display === 'negative') return negative && !zero ? 3 : null;
  if (display === 'exceptZero' && zero) return null;
  if (negative) return 3;
  return display === 'always' || display === 'exceptZero' ? 4 : null;
}

interface Compact {
  power: number;
  words: Record<string, Template | null>;
}

/** How many thousands are left out, and the words for them. */
function compactOf(value: Decimal, data: NumberData, settings: NumberSettings): Compact {
  const at = (power: number): Compact => {
    const entry = data.compact[settings.compactDisplay][Math.min(power, 14)];
    return entry === undefined || entry.words['other'] === null ? { power: 0, words: {} } : { power: Math.min(power, 14) - entry.size + 1, words: entry.words };
  };
  const first = at(magnitude(value));
  const rounded = round(scaled(value, -first.power), settings);
  const carried = magnitude(rounded) + first.power;
  return carried > magnitude(value) ? at(carried) : first;
}

export class NumberFormatter {
  readonly settings: NumberSettings;

  constructor(locales: unknown, options: unknown) {
    this.settings = settingsOf(locales, options);
  }

  parts(input: unknown): Part[] {
    const { settings } = this;
    const data = settings.resolved.data.numbers;
    const value = typeof input === 'bigint' || typeof input === 'string' ? input : Number(input);
    const number = Number(value);
    if (!Number.isFinite(number) && typeof value === 'number') {
      const infinite = !Number.isNaN(number);
      const shown = [{ type: infinite ? 'infinity' : 'nan', value: infinite ? data.infinity : data.nan }];
      return this.#fill(templateOf(data, settings, () => 'other'), signOf(number < 0, false, infinite ? settings.signDisplay : 'never'), shown, '');
    }
    const exact = scaled(decimalOf(typeof value === 'string' ? value.trim() : value), settings.style === 'percent' ? 2 : 0);
    const compact = settings.notation === 'compact' ? compactOf(exact, data, settings) : { power: 0, words: {} };
    const digits = digitsOf(scaled(exact, -compact.power), settings);
    const plural = (): string => pluralOf(settings.resolved.locale, `${digits.whole}${digits.fraction === '' ? '' : `.${digits.fraction}`}`);
    const exactly = digits.whole === '1' && digits.fraction === '' ? (compact.words as Record<string, Template | null>)['=1'] : undefined;
    const words = exactly ?? (compact.words as Record<string, Template | null>)[plural()] ?? (compact.words as Record<string, Template | null>)['other'] ?? null;
    const shown = numberParts(digits, data, settings);
    const inner = words === null ? shown : words.flatMap((part): Part[] => (part === 0 ? shown : typeof part === 'number' ? [] : [{ type: /^[\s\u00a0\u202f]+$/.test(part) ? 'literal' : 'compact', value: part }]));
    return this.#fill(templateOf(data, settings, plural), signOf(exact.negative, digits.zero, settings.signDisplay), inner, currencyTextOrNone(data, settings));
  }

  #fill(template: Template, sign: 3 | 4 | null, number: Part[], currency: string): Part[] {
    const data = this.settings.resolved.data.numbers;
    const fixed: Record<number, Part> = {
      1: { type: 'currency', value: currency }, 2: { type: 'percentSign', value: data.percent }, 3: { type: 'minusSign', value: data.minus }, 4: { type: 'plusSign', value: data.plus },
    };
    const unit = this.settings.style === 'unit';
    return signed(template, sign, data, this.settings).flatMap((part) => {
      if (part === 0) return number;
      if (typeof part === 'number') return [fixed[part] as Part];
      return [{ type: unit && part.trim() !== '' ? 'unit' : 'literal', value: part }];
    });
  }

  format(value: unknown): string {
    return this.parts(value).map((part) => part.value).join('');
  }
}

const currencyTextOrNone = (data: NumberData, settings: NumberSettings): string => (settings.style === 'currency' ? currencyText(data, settings) : '');

export class NumberFormat {
  #formatter: NumberFormatter;
  #bound: ((value: unknown) => string) | undefined;

  constructor(locales?: unknown, options?: unknown) {
    this.#formatter = new NumberFormatter(locales, options);
  }

  get format(): (value: unknown) => string {
    return (this.#bound ??= (value) => this.#formatter.format(value));
  }

  formatToParts(value: unknown): Part[] {
    return this.#formatter.parts(value);
  }

  formatRange(): string {
    return unavailable('Intl.NumberFormat.formatRange');
  }

  resolvedOptions(): Record<string, unknown> {
    const { resolved, style, currency, currencyDisplay, accounting, unit, unitDisplay, notation, compactDisplay, signDisplay, grouping, minInteger, fraction, significant, rounding } = this.#formatter.settings;
    return {
      locale: resolved.locale, numberingSystem: 'latn', style,
      ...(style === 'currency' ? { currency, currencyDisplay, currencySign: accounting ? 'accounting' : 'standard' } : {}),
      ...(style === 'unit' ? { unit, unitDisplay } : {}),
      minimumIntegerDigits: minInteger,
      ...(significant === null ? { minimumFractionDigits: fraction[0], maximumFractionDigits: fraction[1] } : { minimumSignificantDigits: significant[0], maximumSignificantDigits: significant[1] }),
      useGrouping: grouping === 'false' ? false : grouping, notation, ...(notation === 'compact' ? { compactDisplay } : {}), signDisplay,
      roundingIncrement: 1, roundingMode: rounding, roundingPriority: 'auto', trailingZeroDisplay: 'auto',
    };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocalesOf(locales);
  }

  get [Symbol.toStringTag](): string {
    return 'Intl.NumberFormat';
  }
}
