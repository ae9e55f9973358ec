// Intl.DateTimeFormat of ECMA-402, for the Gregorian calendar and Latin digits. The patterns are ICU's own (scripts/intl/locales.mjs).
import { resolve, supportedLocalesOf } from './locale.ts';
import type { Resolved } from './locale.ts';
import type { Pattern } from './locale_data.ts';
import { offsetAt, zoneName } from './zones.ts';
import { nameOfZone } from './zone_names.ts';

type Options = Record<string, unknown>;

export interface Part {
  type: string;
  value: string;
}

const FIELDS: Record<string, readonly string[]> = {
  weekday: ['narrow', 'short', 'long'],
  era: ['narrow', 'short', 'long'],
  year: ['2-digit', 'numeric'],
  month: ['2-digit', 'numeric', 'narrow', 'short', 'long'],
  day: ['2-digit', 'numeric'],
  dayPeriod: ['narrow', 'short', 'long'],
  hour: ['2-digit', 'numeric'],
  minute: ['2-digit', 'numeric'],
  second: ['2-digit', 'numeric'],
};
const CODES: Record<string, string> = { narrow: 'N', short: 's', long: 'l', '2-digit': '2', numeric: 'n' };
const TYPES: Record<string, string> = { y: 'year', M: 'month', d: 'day', E: 'weekday', h: 'hour', m: 'minute', s: 'second', p: 'dayPeriod', G: 'era', z: 'timeZoneName' };
const STYLES = ['full', 'long', 'medium', 'short'];
const ZONE_STYLES = ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric'];
const CYCLES = ['h11', 'h12', 'h23', 'h24'];
const DATE = ['weekday', 'year', 'month', 'day'];
const TIME = ['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits'];

export function oneOf(options: Options, name: string, allowed: readonly string[]): string | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (!allowed.includes(String(value))) throw new RangeError(`Value ${String(value)} out of range for Intl options property ${name}`);
  return String(value);
}

export const unavailable = (what: string): never => {
  throw new RangeError(`${what} is not available in extensions`);
};

interface Settings {
  resolved: Resolved;
  timeZone: string;
  fields: Record<string, string>;
  digits: number;
  zone: string | undefined;
  dateStyle: string | undefined;
  timeStyle: string | undefined;
  cycle: string;
}

/** Which fields a format without any has: `any` and `date` mean the date, `time` the time, `all` both. */
export type Defaults = 'date' | 'time' | 'all';

function cycleOf(options: Options, { data, keywords }: Resolved): string {
  if (options['hour12'] !== undefined) {
    if (!options['hour12']) return 'h23';
    return data.hourCycle === 'h23' || data.hourCycle === 'h12' ? 'h12' : data.hourCycle;
  }
  const keyword = CYCLES.includes(keywords['hc'] ?? '') ? keywords['hc'] : undefined;
  return oneOf(options, 'hourCycle', CYCLES) ?? keyword ?? data.hourCycle;
}

function settingsOf(locales: unknown, given: unknown, required: 'any' | 'date' | 'time', defaults: Defaults): Settings {
  const options = (given === undefined ? {} : Object(given)) as Options;
  const resolved = resolve(locales);
  const calendar = options['calendar'] ?? resolved.keywords['ca'] ?? 'gregory';
  if (calendar !== 'gregory' && calendar !== 'gregorian') unavailable(`The calendar ${String(calendar)}`);
  const digitsOf = options['numberingSystem'] ?? resolved.keywords['nu'] ?? 'latn';
  if (digitsOf !== 'latn') unavailable(`The numbering system ${String(digitsOf)}`);
  const fields: Record<string, string> = {};
  for (const [name, allowed] of Object.entries(FIELDS)) {
    const value = oneOf(options, name, allowed);
    if (value !== undefined) fields[name] = value;
  }
  const digits = options['fractionalSecondDigits'] === undefined ? 0 : Number(options['fractionalSecondDigits']);
  if (options['fractionalSecondDigits'] !== undefined && !(digits >= 1 && digits <= 3)) throw new RangeError('fractionalSecondDigits value is out of range.');
  const zone = oneOf(options, 'timeZoneName', ZONE_STYLES);
  const [dateStyle, timeStyle] = [oneOf(options, 'dateStyle', STYLES), oneOf(options, 'timeStyle', STYLES)];
  const styled = dateStyle !== undefined || timeStyle !== undefined;
  if (styled && (Object.keys(fields).length > 0 || digits > 0 || zone !== undefined)) throw new TypeError("Can't set options with dateStyle or timeStyle");
  if (styled && ((required === 'date' && timeStyle !== undefined) || (required === 'time' && dateStyle !== undefined))) throw new TypeError(`Invalid option : ${timeStyle === undefined ? 'dateStyle' : 'timeStyle'}`);
  const asked = (names: string[]): boolean => names.some((name) => name in fields || (name === 'fractionalSecondDigits' && digits > 0));
  const enough = required === 'date' ? asked(DATE) : required === 'time' ? asked(TIME) : asked([...DATE, ...TIME]);
  if (!styled && !enough) {
    if (defaults !== 'time') for (const name of ['year', 'month', 'day']) fields[name] = 'numeric';
    if (defaults !== 'date') for (const name of ['hour', 'minute', 'second']) fields[name] = 'numeric';
  }
  if ('dayPeriod' in fields) unavailable('The option dayPeriod of Intl.DateTimeFormat');
  const timeZone = options['timeZone'] === undefined ? 'UTC' : zoneName(String(options['timeZone']));
  return { resolved, timeZone, fields, digits, zone, dateStyle, timeStyle, cycle: cycleOf(options, resolved) };
}

const codeOf = (fields: Record<string, string>, name: string, letter: string): string => (fields[name] === undefined ? '' : letter + (CODES[fields[name]] as string));

function datePattern({ fields, resolved }: Settings): Pattern {
  const key = (fields['era'] === undefined ? '' : 'G') + codeOf(fields, 'weekday', 'E') + codeOf(fields, 'year', 'y') + codeOf(fields, 'month', 'M') + codeOf(fields, 'day', 'd');
  if (key === '') return [];
  return resolved.data.dates[key] ?? unavailable('This combination of fields in Intl.DateTimeFormat');
}

function timePattern({ fields, resolved, cycle, digits, zone }: Settings): Pattern {
  const { data } = resolved;
  const hour = codeOf(fields, 'hour', 'h');
  const key = hour + codeOf(fields, 'minute', 'm') + codeOf(fields, 'second', 's');
  const fraction: Pattern = digits === 0 ? [] : [['f', digits]];
  if (key === '') return fraction;
  const found = data.times[key + (hour === '' ? '' : (cycle === 'h11' || cycle === 'h12' ? 'h12' : 'h23') + (zone === undefined ? '' : 'z'))] ?? unavailable('This combination of fields in Intl.DateTimeFormat');
  return found.flatMap((part) => (Array.isArray(part) && part[0] === 'z' ? [['z', zone as string]] : Array.isArray(part) && part[0] === 's' && digits > 0 ? [part, data.numbers.decimal, ...fraction] : [part]));
}

function glueOf({ fields, resolved: { data } }: Settings): string {
  if (fields['month'] === 'long') return fields['weekday'] === undefined ? data.glues.long : data.glues.full;
  return fields['month'] === 'short' ? data.glues.medium : data.glues.short;
}

function patternOf(settings: Settings): Pattern {
  const { dateStyle, timeStyle, zone, cycle, resolved: { data } } = settings;
  if (dateStyle !== undefined || timeStyle !== undefined) {
    const date = dateStyle === undefined ? [] : (data.styles.date[dateStyle] as Pattern);
    const time = timeStyle === undefined ? [] : (data.styles.time[timeStyle + (cycle === 'h11' || cycle === 'h12' ? 'h12' : 'h23')] as Pattern);
    return date.length > 0 && time.length > 0 ? [...date, data.styles.glue[dateStyle as string] as string, ...time] : [...date, ...time];
  }
  const [date, time] = [datePattern(settings), timePattern(settings)];
  const pattern: Pattern = date.length > 0 && time.length > 0 ? [...date, glueOf(settings), ...time] : [...date, ...time];
  if (zone === undefined || pattern.some((part) => Array.isArray(part) && part[0] === 'z')) return pattern;
  if (pattern.length === 0) return [['z', zone]];
  return [...pattern, time.length > 0 ? data.glues.zoneAfterTime : data.glues.zoneAfterDate, ['z', zone]];
}

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

function hourText(hour: number, cycle: string, width: number): string {
  const shown = cycle === 'h11' ? hour % 12 : cycle === 'h12' ? hour % 12 || 12 : cycle === 'h24' ? hour || 24 : hour;
  return pad(shown, width === 2 ? 2 : 1);
}

interface Moment {
  wall: Date;
  milliseconds: number;
}

function fieldText([code, form]: [string, number | string], { wall, milliseconds }: Moment, { cycle, resolved: { data }, timeZone }: Settings): string {
  const width = Number(form);
  const list = (): string[] => data.lists[width < 0 ? -1 - width : width] as string[];
  switch (code) {
    case 'y': {
      const year = wall.getUTCFullYear();
      return width === 2 ? pad(Math.abs(year) % 100, 2) : String(year > 0 ? year : 1 - year);
    }
    case 'M': return width < 0 ? (list()[wall.getUTCMonth()] as string) : pad(wall.getUTCMonth() + 1, width);
    case 'd': return pad(wall.getUTCDate(), width);
    case 'E': return list()[wall.getUTCDay()] as string;
    case 'h': return hourText(wall.getUTCHours(), cycle, width);
    case 'm': return pad(wall.getUTCMinutes(), width);
    case 's': return pad(wall.getUTCSeconds(), width);
    case 'f': return pad(wall.getUTCMilliseconds(), 3).slice(0, width);
    case 'p': return list()[wall.getUTCHours()] as string;
    case 'G': return wall.getUTCFullYear() > 0 ? (list()[0] as string) : unavailable('The era of a year before 1');
    default: return nameOfZone(data, timeZone, milliseconds, String(form));
  }
}

function toTime(date: unknown): number {
  const time = date === undefined ? Date.now() : Number(date);
  if (!(Math.abs(time) <= 8.64e15)) throw new RangeError('Invalid time value');
  return Math.trunc(time);
}

export class DateTimeFormatter {
  readonly settings: Settings;
  readonly #pattern: Pattern;

  constructor(locales: unknown, options: unknown, required: 'any' | 'date' | 'time' = 'any', defaults: Defaults = 'date') {
    this.settings = settingsOf(locales, options, required, defaults);
    this.#pattern = patternOf(this.settings);
  }

  parts(date: unknown): Part[] {
    const milliseconds = toTime(date);
    const wall = new Date(milliseconds + offsetAt(this.settings.timeZone, milliseconds).seconds * 1000);
    const parts: Part[] = [];
    for (const part of this.#pattern) {
      const next = typeof part === 'string' ? { type: 'literal', value: part } : { type: part[0] === 'f' ? 'fractionalSecond' : (TYPES[part[0]] as string), value: fieldText(part, { wall, milliseconds }, this.settings) };
      const last = parts[parts.length - 1];
      if (next.type === 'literal' && last?.type === 'literal') last.value += next.value;
      else if (next.value !== '') parts.push(next);
    }
    return parts;
  }

  format(date: unknown): string {
    // As text, every engine writes an ordinary space where ICU has a narrow one: programs parse such text.
    return this.parts(date).map(({ value }) => value).join('').replace(/\u202f/g, ' ');
  }
}

export class DateTimeFormat {
  #formatter: DateTimeFormatter;
  #bound: ((date?: unknown) => string) | undefined;

  constructor(locales?: unknown, options?: unknown) {
    this.#formatter = new DateTimeFormatter(locales, options);
  }

  get format(): (date?: unknown) => string {
    return (this.#bound ??= (date) => this.#formatter.format(date));
  }

  formatToParts(date?: unknown): Part[] {
    return this.#formatter.parts(date);
  }

  formatRange(): string {
    return unavailable('Intl.DateTimeFormat.formatRange');
  }

  formatRangeToParts(): Part[] {
    return unavailable('Intl.DateTimeFormat.formatRangeToParts');
  }

  resolvedOptions(): Record<string, unknown> {
    const { resolved, timeZone, fields, digits, zone, dateStyle, timeStyle, cycle } = this.#formatter.settings;
    const hours = 'hour' in fields || timeStyle !== undefined;
    const { weekday, era, year, month, day, hour, minute, second } = fields;
    const all = {
      locale: resolved.locale, calendar: 'gregory', numberingSystem: 'latn', timeZone,
      ...(hours ? { hourCycle: cycle, hour12: cycle === 'h11' || cycle === 'h12' } : {}),
      weekday, era, year, month, day, hour, minute: minute && (hour ? '2-digit' : minute), second: second && (minute ? '2-digit' : second),
      fractionalSecondDigits: digits || undefined, timeZoneName: zone, dateStyle, timeStyle,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocalesOf(locales);
  }

  get [Symbol.toStringTag](): string {
    return 'Intl.DateTimeFormat';
  }
}
