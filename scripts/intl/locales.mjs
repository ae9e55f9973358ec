// Writes the locale data of the SDK's Intl (sdk/typescript/src/web/intl/data) from the ICU of the Node that runs it: patterns as ICU
// itself formats them, names, symbols. Run: node scripts/intl/locales.mjs. The version of CLDR goes into the file.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OUT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'sdk', 'typescript', 'src', 'web', 'intl', 'data');
const LOCALES = [
  'en', 'en-GB', 'en-AU', 'en-CA', 'en-IE', 'en-IN', 'en-NZ', 'en-ZA', 'de', 'de-AT', 'de-CH', 'fr', 'fr-CA', 'fr-CH', 'fr-BE', 'es', 'es-MX', 'it', 'pt', 'pt-PT', 'nl',
  'nl-BE', 'sv', 'nb', 'da', 'fi', 'pl', 'cs', 'sk', 'hu', 'ro', 'tr', 'ru', 'uk', 'ja', 'ko', 'zh', 'zh-Hant',
];
const CURRENCIES = 'USD EUR GBP JPY CNY CHF CAD AUD NZD INR BRL MXN SEK NOK DKK PLN CZK HUF RON TRY RUB UAH KRW TWD HKD SGD ZAR ILS THB IDR PHP VND AED SAR CLP COP ARS EGP ISK BGN'.split(' ');
const UNITS = 'byte kilobyte megabyte gigabyte terabyte second minute hour day week month year millisecond meter kilometer centimeter mile foot inch gram kilogram pound liter celsius fahrenheit percent kilometer-per-hour mile-per-hour'.split(' ');
const AT = Date.UTC(2024, 2, 5, 4, 7, 9);
const WORDS = { weekday: { long: 'l', short: 's', narrow: 'N' }, month: { long: 'l', short: 's', narrow: 'N', numeric: 'n', '2-digit': '2' } };
const NUMBERS = { numeric: 'n', '2-digit': '2' };

/** Tables of names of one locale, each list once. */
class Lists {
  all = [];
  index(list) {
    const text = JSON.stringify(list);
    const at = this.all.findIndex((one) => JSON.stringify(one) === text);
    return at >= 0 ? at : this.all.push(list) - 1;
  }
}

const format = (locale, options) => new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...options });

/** A pattern: literals as text, fields as [type, form]; form is a width for numbers, a list for names. */
function pattern(locale, options, lists) {
  const formatter = format(locale, options);
  const values = (dates, at) => dates.map((date) => formatter.formatToParts(date)[at].value);
  return formatter.formatToParts(AT).map(({ type, value }, at) => {
    if (type === 'literal') return value;
    if (type === 'dayPeriod') return ['p', lists.index(values(Array.from({ length: 24 }, (_, hour) => Date.UTC(2024, 2, 5, hour)), at))];
    if (type === 'era') return ['G', lists.index([value, value])];
    const code = { year: 'y', month: 'M', day: 'd', weekday: 'E', hour: 'h', minute: 'm', second: 's', timeZoneName: 'z' }[type];
    if (code === undefined) throw new Error(`${locale}: ${type}`);
    if (code === 'z') return ['z', options.timeZoneName];
    if (/^\d+$/.test(value)) return [code, value.length];
    const months = Array.from({ length: 12 }, (_, month) => Date.UTC(2024, month, 5, 4));
    const days = Array.from({ length: 7 }, (_, day) => Date.UTC(2024, 8, 1 + day, 4));
    // A name may share its part with a literal that depends on it, so names are read one by one.
    return [code, -1 - lists.index(values(code === 'M' ? months : days, at))];
  });
}

function dates(locale, lists) {
  const found = {};
  for (const [weekday, w] of [[undefined, ''], ...Object.entries(WORDS.weekday)])
    for (const [year, y] of [[undefined, ''], ...Object.entries(NUMBERS)])
      for (const [month, M] of [[undefined, ''], ...Object.entries(WORDS.month)])
        for (const [day, d] of [[undefined, ''], ...Object.entries(NUMBERS)]) {
          if (!weekday && !year && !month && !day) continue;
          found[`${w ? `E${w}` : ''}${y ? `y${y}` : ''}${M ? `M${M}` : ''}${d ? `d${d}` : ''}`] = pattern(locale, { weekday, year, month, day }, lists);
        }
  found['Gyn'] = pattern(locale, { era: 'short', year: 'numeric' }, lists);
  for (const month of ['numeric', '2-digit', 'short', 'long'])
    for (const day of [undefined, 'numeric', '2-digit']) {
      const key = `GynM${WORDS.month[month]}${day ? `d${NUMBERS[day]}` : ''}`;
      found[key] = pattern(locale, { era: 'short', year: 'numeric', month, day }, lists);
    }
  return found;
}

function times(locale, lists) {
  const found = {};
  for (const [hour, h] of [[undefined, ''], ...Object.entries(NUMBERS)])
    for (const [minute, m] of [[undefined, ''], ...Object.entries(NUMBERS)])
      for (const [second, s] of [[undefined, ''], ...Object.entries(NUMBERS)]) {
        if (!hour && !minute && !second) continue;
        const key = `${h ? `h${h}` : ''}${m ? `m${m}` : ''}${s ? `s${s}` : ''}`;
        if (!hour) found[key] = pattern(locale, { minute, second }, lists);
        else
          for (const hourCycle of ['h12', 'h23']) {
            found[key + hourCycle] = pattern(locale, { hour, minute, second, hourCycle }, lists);
            found[`${key}${hourCycle}z`] = pattern(locale, { hour, minute, second, hourCycle, timeZoneName: 'short' }, lists);
          }
      }
  return found;
}

/** The text between two parts of a formatted date: after the last field of the one, before the first of the other. */
function between(parts, isSecond) {
  const first = parts.findIndex(isSecond);
  return first > 0 && parts[first - 1].type === 'literal' ? parts[first - 1].value : '';
}

const isTime = ({ type }) => ['hour', 'minute', 'dayPeriod'].includes(type);
const isZone = ({ type }) => type === 'timeZoneName';

/** The text between the date and the time, without what ends the date when it stands alone. */
function glue(date, both) {
  const last = date.formatToParts(AT).at(-1);
  const text = between(both.formatToParts(AT), isTime);
  return last.type === 'literal' && text.startsWith(last.value) ? text.slice(last.value.length) : text;
}

function glues(locale) {
  const time = { hour: 'numeric', minute: 'numeric' };
  const of = (options) => glue(format(locale, options), format(locale, { ...options, ...time }));
  return {
    full: of({ weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' }),
    long: of({ year: 'numeric', month: 'long', day: 'numeric' }),
    medium: of({ year: 'numeric', month: 'short', day: 'numeric' }),
    short: of({ year: 'numeric', month: 'numeric', day: 'numeric' }),
    zoneAfterTime: between(format(locale, { ...time, timeZoneName: 'short' }).formatToParts(AT), isZone),
    zoneAfterDate: zoneAfterDate(locale),
  };
}

function zoneAfterDate(locale) {
  const options = { year: 'numeric', month: 'numeric', day: 'numeric' };
  const last = format(locale, options).formatToParts(AT).at(-1);
  const text = between(format(locale, { ...options, timeZoneName: 'short' }).formatToParts(AT), isZone);
  return last.type === 'literal' && text.startsWith(last.value) ? text.slice(last.value.length) : text;
}

function styles(locale, lists) {
  const names = ['full', 'long', 'medium', 'short'];
  const found = { date: {}, time: {}, glue: {} };
  for (const name of names) {
    found.date[name] = pattern(locale, { dateStyle: name }, lists);
    for (const hourCycle of ['h12', 'h23']) {
      // Time styles follow the locale's own cycle unless it is asked for another.
      const options = { timeStyle: name, hourCycle };
      found.time[name + hourCycle] = pattern(locale, name === 'full' ? { ...options } : options, lists).map((part) => (part[0] === 'z' ? ['z', name === 'full' ? 'long' : 'short'] : part));
    }
    found.glue[name] = glue(format(locale, { dateStyle: name }), format(locale, { dateStyle: name, timeStyle: 'short' }));
  }
  return found;
}

const ZONES = [
  'America/New_York', 'America/Chicago', 'America/Denver', 'America/Phoenix', 'America/Los_Angeles', 'America/Anchorage', 'Pacific/Honolulu', 'America/Halifax', 'America/St_Johns', 'America/Toronto',
  'Europe/London', 'Europe/Dublin', 'Europe/Lisbon', 'Europe/Berlin', 'Europe/Paris', 'Europe/Madrid', 'Europe/Rome', 'Europe/Vienna', 'Europe/Zurich', 'Europe/Amsterdam', 'Europe/Brussels',
  'Europe/Stockholm', 'Europe/Oslo', 'Europe/Copenhagen', 'Europe/Warsaw', 'Europe/Prague', 'Europe/Budapest', 'Europe/Helsinki', 'Europe/Athens', 'Europe/Bucharest', 'Europe/Kyiv', 'Europe/Istanbul',
  'Europe/Moscow', 'Asia/Tokyo', 'Asia/Seoul', 'Asia/Shanghai', 'Asia/Hong_Kong', 'Asia/Taipei', 'Asia/Singapore', 'Asia/Kolkata', 'Asia/Dubai', 'Asia/Jerusalem', 'Australia/Sydney',
  'Australia/Melbourne', 'Australia/Brisbane', 'Australia/Perth', 'Australia/Adelaide', 'Pacific/Auckland', 'Africa/Johannesburg', 'Africa/Cairo', 'America/Sao_Paulo', 'America/Mexico_City', 'UTC',
];

/** Names of zones, standard and in summer; names that are only the offset are left out. */
function zoneNames(locale) {
  const name = (timeZone, month, timeZoneName) => new Intl.DateTimeFormat(locale, { timeZone, timeZoneName }).formatToParts(Date.UTC(2024, month, 15)).find(isZone).value;
  const offsetOnly = (text) => /^(?:GMT|UTC)?[+\u2212-]?\d/.test(text.replace(/^(?:GMT|UTC)/, '')) || /[+\u2212-]\d/.test(text);
  const found = {};
  for (const zone of ZONES)
    for (const style of ['short', 'long']) {
      const pair = [name(zone, 0, style), name(zone, 6, style)];
      if (!pair.every(offsetOnly)) (found[zone] ??= {})[style] = pair[0] === pair[1] ? [pair[0]] : pair;
    }
  return found;
}

function numbers(locale) {
  const parts = (value, options) => new Intl.NumberFormat(locale, options).formatToParts(value);
  const grouped = parts(12345678.5, { maximumFractionDigits: 1 });
  const symbol = (list, type) => list.find((part) => part.type === type)?.value ?? '';
  const template = (list) => list.map(({ type, value }) => (type === 'literal' ? value : ['integer', 'group', 'decimal', 'fraction'].includes(type) ? 0 : { currency: 1, percentSign: 2, minusSign: 3, plusSign: 4, unit: 5, compact: 6 }[type] ?? value)).filter((part, at, all) => part !== 0 || all[at - 1] !== 0);
  const integers = grouped.filter(({ type }) => type === 'integer').map(({ value }) => value.length);
  const currencies = {};
  for (const currency of CURRENCIES) {
    const shown = (currencyDisplay) => symbol(parts(1, { style: 'currency', currency, currencyDisplay }), 'currency');
    currencies[currency] = [shown('symbol'), shown('narrowSymbol')];
  }
  const plural = new Intl.PluralRules(locale);
  const compact = { short: {}, long: {} };
  for (const style of ['short', 'long'])
    for (let power = 3; power <= 14; power++)
      for (const first of [1, 2, 5, 1.5]) {
        const list = parts(first * 10 ** power, { notation: 'compact', compactDisplay: style });
        const size = list.filter(({ type }) => type === 'integer').reduce((sum, { value }) => sum + value.length, 0);
        const word = list.some(({ type }) => type === 'compact') ? template(list).map((part) => (part === 6 ? symbol(list, 'compact') : part)) : null;
        const category = word === null ? 'other' : plural.select(Number(list.map(({ type, value }) => (['integer', 'fraction'].includes(type) ? value : type === 'decimal' ? '.' : '')).join('')));
        // Some languages leave out the number one: "mille".
        if (word !== null && !word.includes(0)) {
          (compact[style][power] ??= { size: 1, words: {} }).words['=1'] ??= word;
          continue;
        }
        (compact[style][power] ??= { size, words: {} }).words[category] ??= word;
      }
  const units = {};
  for (const unit of UNITS)
    for (const unitDisplay of ['short', 'long', 'narrow'])
      for (const value of [1, 2, 5, 20, 1.5]) {
        const list = parts(value, { style: 'unit', unit, unitDisplay });
        ((units[unit] ??= {})[unitDisplay] ??= {})[plural.select(value)] ??= template(list).map((part) => (part === 5 ? symbol(list, 'unit') : part === 2 ? symbol(list, 'percentSign') : part));
      }
  const rules = (options) => template(parts(1, options));
  return {
    decimal: symbol(grouped, 'decimal'), group: symbol(parts(1234567, {}), 'group'), minimumGrouping: parts(1234, {}).some(({ type }) => type === 'group') ? 1 : 2,
    sizes: [integers.at(-1), integers.at(-2)], minus: symbol(parts(-1, {}), 'minusSign'), plus: symbol(parts(1, { signDisplay: 'always' }), 'plusSign'), percent: symbol(parts(1, { style: 'percent' }), 'percentSign'),
    nan: symbol(parts(NaN, {}), 'nan'), infinity: symbol(parts(Infinity, {}), 'infinity'), percentPattern: rules({ style: 'percent' }), negative: rules({}) && template(parts(-1, {})),
    currencyDecimal: symbol(parts(1.5, { style: 'currency', currency: 'USD' }), 'decimal'), currencyGroup: symbol(parts(1234567, { style: 'currency', currency: 'USD' }), 'group'),
    currencyMinimumGrouping: parts(1234, { style: 'currency', currency: 'USD' }).some(({ type }) => type === 'group') ? 1 : 2,
    // A symbol that is a letter keeps its distance from the number: two patterns.
    currencyPattern: template(parts(1, { style: 'currency', currency: 'EUR', currencyDisplay: 'narrowSymbol' })), currencyCodePattern: template(parts(1, { style: 'currency', currency: 'EUR', currencyDisplay: 'code' })),
    negativeCurrency: template(parts(-1, { style: 'currency', currency: 'EUR', currencyDisplay: 'narrowSymbol' })), negativeCode: template(parts(-1, { style: 'currency', currency: 'EUR', currencyDisplay: 'code' })),
    accounting: template(parts(-1, { style: 'currency', currency: 'EUR', currencyDisplay: 'narrowSymbol', currencySign: 'accounting' })),
    currencies, compact, units,
  };
}

function relative(locale) {
  const plural = new Intl.PluralRules(locale);
  const found = {};
  for (const style of ['long', 'short', 'narrow'])
    for (const unit of ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year']) {
      const entry = { future: {}, past: {}, words: {} };
      for (const value of [1, 2, 5, 20, 1.5]) {
        const shape = (amount) => new Intl.RelativeTimeFormat(locale, { style }).formatToParts(amount, unit).map(({ type, value: text }) => (type === 'literal' ? text : 0)).filter((part, at, all) => part !== 0 || all[at - 1] !== 0);
        entry.future[plural.select(value)] ??= shape(value);
        entry.past[plural.select(value)] ??= shape(-value);
      }
      for (const value of [-2, -1, 0, 1, 2]) {
        const parts = new Intl.RelativeTimeFormat(locale, { style, numeric: 'auto' }).formatToParts(value, unit);
        if (parts.every(({ type }) => type === 'literal')) entry.words[value] = parts.map((part) => part.value).join('');
      }
      (found[style] ??= {})[unit] = entry;
    }
  return found;
}

function lists(locale) {
  const found = {};
  for (const type of ['conjunction', 'disjunction', 'unit'])
    for (const style of ['long', 'short', 'narrow']) {
      const text = (items) => new Intl.ListFormat(locale, { type, style }).format(items);
      const [, pair] = /^A(.*)B$/.exec(text(['A', 'B']));
      const [, start, middle, end] = /^A(.*)B(.*)C(.*)D$/.exec(text(['A', 'B', 'C', 'D']));
      found[`${type} ${style}`] = [pair, start, middle, end];
    }
  return found;
}

const data = {};
for (const locale of LOCALES) {
  const names = new Lists();
  const one = {
    dates: dates(locale, names), times: times(locale, names), styles: styles(locale, names), glues: glues(locale), lists: names.all, zones: zoneNames(locale),
    gmtNegative: format(locale, { timeZoneName: 'shortOffset', timeZone: 'America/New_York' }).formatToParts(AT).find(isZone).value,
    gmt: format(locale, { timeZoneName: 'shortOffset', timeZone: 'Asia/Tokyo' }).formatToParts(AT).find(isZone).value, utc: format(locale, { timeZoneName: 'shortOffset' }).formatToParts(AT).find(isZone).value,
    hourCycle: format(locale, { hour: 'numeric' }).resolvedOptions().hourCycle, hour12: ['h11', 'h12'].includes(format(locale, { hour: 'numeric' }).resolvedOptions().hourCycle),
    numbers: numbers(locale), relative: relative(locale), join: lists(locale),
  };
  data[locale] = JSON.stringify(one);
}
mkdirSync(OUT, { recursive: true });
writeFileSync(join(OUT, 'locales.json'), `${JSON.stringify({ cldr: process.versions.cldr, locales: data })}\n`);
console.log(Object.entries(data).map(([name, text]) => `${name} ${text.length}`).join('\n'));
