// What Intl answers for many locales and options. The same code runs in a component and in Node: the answers must be equal.
const LOCALES = ['en-US', 'en-GB', 'de-DE', 'de-CH', 'fr-FR', 'es', 'it', 'nl', 'pt-BR', 'pt-PT', 'sv', 'nb', 'da', 'fi', 'pl', 'cs', 'ru', 'uk', 'tr', 'hu', 'ro', 'ja', 'ko', 'zh-CN', 'zh-TW', 'en-IN', 'fr-CA'];
const DATES = [Date.UTC(2025, 6, 1, 12, 0, 0), Date.UTC(2025, 0, 5, 3, 4, 9, 42), Date.UTC(1999, 11, 31, 23, 59, 59), Date.UTC(2024, 1, 29)];
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Asia/Kolkata', 'Australia/Sydney', 'America/St_Johns', 'Pacific/Apia', 'Europe/Dublin', 'Asia/Tehran', 'America/Sao_Paulo'];
type Cases = Record<string, () => unknown>;

const safely = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return (error as Error).name;
  }
};
const perLocale = (run: (locale: string) => unknown) => () => LOCALES.map((locale) => [locale, safely(() => run(locale))]);
const date = (options: Intl.DateTimeFormatOptions) => perLocale((locale) => DATES.map((one) => new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...options }).format(one)));
const number = (options: Intl.NumberFormatOptions, values: (number | bigint)[] = [0, 1234.5, -1234567.891, 0.005, 1e21, NaN]) => perLocale((locale) => values.map((value) => new Intl.NumberFormat(locale, options).format(value)));

const DATE_OPTIONS: Intl.DateTimeFormatOptions[] = [
  {}, { dateStyle: 'full' }, { dateStyle: 'long' }, { dateStyle: 'medium' }, { dateStyle: 'short' }, { timeStyle: 'medium' }, { timeStyle: 'short' }, { dateStyle: 'medium', timeStyle: 'short' },
  { dateStyle: 'full', timeStyle: 'medium' }, { weekday: 'long' }, { month: 'long', year: 'numeric' }, { month: 'short', day: 'numeric' }, { weekday: 'short', day: 'numeric', month: 'short' },
  { year: '2-digit', month: '2-digit', day: '2-digit' }, { hour: '2-digit', minute: '2-digit' }, { hour: 'numeric', hourCycle: 'h12' }, { hour: 'numeric', minute: '2-digit', hourCycle: 'h23' },
  { year: 'numeric', month: 'long', day: 'numeric', hour: 'numeric', minute: '2-digit' }, { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit' },
  { year: 'numeric', month: 'short', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }, { hour: 'numeric', minute: 'numeric', second: 'numeric', fractionalSecondDigits: 3 }, { month: 'narrow' }, { era: 'short', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', timeZoneName: 'short' },
];

const WORDS: Record<string, string[]> = {
  en: ['b', 'a', 'B', 'A', 'ä', 'z', 'résumé', 'resume', 'Resume', 'co-op', 'coop', 'co op', '10', '9', '2', 'æ', 'ae', 'af', 'ß', 'ss', 'st', '$', '_', 'é', 'e', 'f', 'ø', 'o', 'p', 'ł', 'l', 'm', ''],
  de: ['Zebra', 'Äpfel', 'Apfel', 'Öl', 'Ofen', 'Straße', 'Strasse', 'über', 'unter', 'zahl'],
  sv: ['zebra', 'öl', 'ål', 'äpple', 'apa', 'ypsilon', 'Åsa'],
  da: ['zebra', 'øl', 'ål', 'æble', 'apa', 'aa'],
  nb: ['zebra', 'øl', 'ål', 'æble', 'apa'],
  fi: ['zebra', 'öljy', 'ääni', 'åbo', 'aasi'],
  es: ['nube', 'ñandú', 'oso', 'nz', 'llama', 'lz', 'chico', 'czar'],
  pl: ['łódź', 'lis', 'mleko', 'żaba', 'zebra', 'źdźbło', 'ćma', 'cz', 'dom'],
  cs: ['chata', 'hrad', 'cesta', 'čaj', 'had', 'ivan', 'řeka', 'ryba', 'žába', 'zima'],
  hu: ['csak', 'cukor', 'dal', 'öröm', 'orsó', 'ősz', 'zsák', 'zab'],
  tr: ['ılık', 'irmik', 'çay', 'cam', 'dal', 'şeker', 'su', 'ğ', 'gaz', 'h'],
  ru: ['ёлка', 'еда', 'жук', 'Яблоко', 'яблоко', 'арбуз'],
  fr: ['côté', 'cote', 'coté', 'côte', 'œuf', 'oeuf', 'of'],
};

export const CASES: Record<string, Cases> = {
  dates: Object.fromEntries(DATE_OPTIONS.map((options) => [JSON.stringify(options), date(options)])),
  numbers: {
    'plain': number({}),
    'two digits': number({ minimumFractionDigits: 2, maximumFractionDigits: 2 }, [1.005, 2.5, -0.001, 1e6, 0.1 + 0.2]),
    'no digits': number({ maximumFractionDigits: 0 }, [0.5, 1.5, 2.5, -0.5, 999.5]),
    'significant digits': number({ maximumSignificantDigits: 3 }, [123456, 0.00012345, 9.999, 0]),
    'percent': number({ style: 'percent', maximumFractionDigits: 1 }, [0.256, -1, 12.3456]),
    'dollars': number({ style: 'currency', currency: 'USD' }, [1234.5, -5, 0]),
    'euros': number({ style: 'currency', currency: 'EUR' }, [1234.5, -5, 1e7]),
    'yen': number({ style: 'currency', currency: 'JPY' }, [1234.5, -5]),
    'francs by code': number({ style: 'currency', currency: 'CHF', currencyDisplay: 'code' }, [1234.5, -5]),
    'a narrow symbol': number({ style: 'currency', currency: 'CAD', currencyDisplay: 'narrowSymbol' }, [1.5]),
    'whole euros': number({ style: 'currency', currency: 'EUR', maximumFractionDigits: 0 }, [1234.5]),
    'short and compact': number({ notation: 'compact' }, [999, 1234, 15678, 999999, 1234567, 5.5e9]),
    'long and compact': number({ notation: 'compact', compactDisplay: 'long' }, [1234, 2e6, 5.5e9]),
    'units': number({ style: 'unit', unit: 'kilometer', unitDisplay: 'long' }, [1, 2, 5, 1.5]),
    'short units': number({ style: 'unit', unit: 'hour' }, [1, 1234.5]),
    'signs': number({ signDisplay: 'exceptZero' }, [1, -1, 0]),
    'no groups': number({ useGrouping: false }, [1234567]),
    'four digits': number({}, [1234, 12345]),
    'large whole numbers': number({}, [123456789012345678901234567890n]),
    'leading zeros': number({ minimumIntegerDigits: 4, useGrouping: false }, [7]),
    'parts': () => ['en-US', 'de', 'fr'].map((locale) => new Intl.NumberFormat(locale, { style: 'currency', currency: 'EUR' }).formatToParts(-1234.5)),
    'methods': () => [(1234.5).toLocaleString('en-US', { style: 'currency', currency: 'USD' }), (1234.5).toLocaleString(), 12345n.toLocaleString('de')],
    'without a currency': () => safely(() => new Intl.NumberFormat('en', { style: 'currency' })),
    'wrong digits': () => safely(() => new Intl.NumberFormat('en', { maximumFractionDigits: 200 })),
    'resolved': () => { const { locale, style, currency, minimumFractionDigits } = new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'usd' }).resolvedOptions(); return [locale, style, currency, minimumFractionDigits]; },
  },
  zones: {
    'wall times': () => ZONES.map((timeZone) => [1900, 1945, 1970, 1985, 2000, 2011, 2024, 2025, 2039, 2100].flatMap((year) => [0, 3, 6, 9].map((month) => new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(Date.UTC(year, month, 15, 12))))),
    'around a change': () => [-1, 0, 1].map((ms) => new Date(Date.UTC(2025, 2, 30, 1) + ms).toLocaleString('de-DE', { timeZone: 'Europe/Berlin' })),
    'Tokyo': () => new Date(0).toLocaleString('en-US', { timeZone: 'Asia/Tokyo' }),
    'short names': () => ['en-US', 'en-GB', 'de', 'fr'].map((locale) => ZONES.slice(0, 6).map((timeZone) => DATES.slice(0, 2).map((one) => new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'short', hour: 'numeric' }).format(one)))),
    'offsets': () => ['en', 'de', 'fr'].map((locale) => ZONES.map((timeZone) => (['shortOffset', 'longOffset'] as const).map((timeZoneName) => new Intl.DateTimeFormat(locale, { timeZone, timeZoneName }).format(DATES[0])))),
    'long names': () => ['en-US', 'de'].map((locale) => new Intl.DateTimeFormat(locale, { timeZone: 'America/New_York', timeZoneName: 'long', hour: 'numeric' }).format(DATES[0])),
    'an unknown zone': () => safely(() => new Intl.DateTimeFormat('en', { timeZone: 'Mars/Base' })),
    'names in any case': () => new Intl.DateTimeFormat('en', { timeZone: 'europe/berlin' }).resolvedOptions().timeZone,
    'midnight': () => [new Date(0).toLocaleTimeString('en-US', { timeZone: 'UTC', hourCycle: 'h23' })],
    'methods': () => [new Date(0).toLocaleDateString('de-DE', { timeZone: 'UTC' }), new Date(0).toLocaleTimeString('de-DE', { timeZone: 'UTC' }), new Date(0).toLocaleString('en-US', { timeZone: 'UTC' }), new Date(NaN).toLocaleString()],
    'parts': () => new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', hour12: false, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' }).formatToParts(DATES[0]),
    'styles and fields': () => safely(() => new Intl.DateTimeFormat('en', { dateStyle: 'short', year: 'numeric' })),
    'resolved': () => { const { locale, calendar, numberingSystem, timeZone, year } = new Intl.DateTimeFormat('de-DE', { timeZone: 'UTC' }).resolvedOptions(); return [locale, calendar, numberingSystem, timeZone, year]; },
  },
  words: {
    'plurals': perLocale((locale) => [0, 1, 2, 3, 5, 11, 21, 22, 25, 100, 1.5, 1000000].map((value) => new Intl.PluralRules(locale).select(value))),
    'ordinals': perLocale((locale) => [1, 2, 3, 4, 11, 21, 22, 23].map((value) => new Intl.PluralRules(locale, { type: 'ordinal' }).select(value))),
    'relative times': perLocale((locale) => [[-1, 'day'], [2, 'day'], [-5, 'hours'], [1, 'month'], [1.5, 'week'], [0, 'year'], [1000, 'second']].map(([value, unit]) => new Intl.RelativeTimeFormat(locale).format(value as number, unit as 'day'))),
    'relative words': perLocale((locale) => [-2, -1, 0, 1, 2].map((value) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' }).format(value, 'day'))),
    'lists': perLocale((locale) => [[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].flatMap((list) => (['conjunction', 'disjunction', 'unit'] as const).map((type) => new Intl.ListFormat(locale, { type }).format(list)))),
    'case': () => ['i'.toLocaleUpperCase('tr'), 'I'.toLocaleLowerCase('tr'), 'İI'.toLocaleLowerCase('tr-TR'), 'ß'.toLocaleUpperCase('de'), 'i'.toLocaleUpperCase('en')],
    'locales': () => [Intl.getCanonicalLocales(['EN-us', 'de-de']), new Intl.Locale('zh-hant-TW').script, new Intl.Locale('de-AT').region, safely(() => Intl.getCanonicalLocales('x_y')), Intl.NumberFormat.supportedLocalesOf(['de', 'en-US'])],
    'without new': () => [(Intl.NumberFormat as unknown as (locale: string) => Intl.NumberFormat)('de').format(1.5), new Intl.NumberFormat() instanceof Intl.NumberFormat, Object.prototype.toString.call(Intl)],
  },
  order: {
    ...Object.fromEntries(Object.entries(WORDS).map(([locale, words]) => [`words of ${locale}`, () => [...words].sort(new Intl.Collator(locale).compare)])),
    'without a locale': () => [...(WORDS['en'] as string[])].sort((a, b) => a.localeCompare(b)),
    'signs': () => ['ä'.localeCompare('z'), 'a'.localeCompare('B'), 'a'.localeCompare('A'), 'a'.localeCompare('a'), 'e\u0301'.localeCompare('\u00e9'), 'ä'.localeCompare('z', 'sv'), 'a'.localeCompare('b', undefined, { sensitivity: 'base' })],
    'sensitivity': () => (['base', 'accent', 'case', 'variant'] as const).map((sensitivity) => [['a', 'á'], ['a', 'A'], ['a', 'a'], ['a', 'b']].map(([a, b]) => new Intl.Collator('en', { sensitivity }).compare(a as string, b as string))),
    'numbers': () => ['a10', 'a9', 'a2b', 'a02', '1', '10', '2'].sort(new Intl.Collator('en', { numeric: true }).compare),
    'upper case first': () => ['a', 'A', 'b', 'B'].sort(new Intl.Collator('en', { caseFirst: 'upper' }).compare),
    'without punctuation': () => new Intl.Collator('en', { ignorePunctuation: true }).compare('co-op', 'coop'),
    'punctuation': () => ['_', '-', ',', ';', ':', '!', '?', '.', "'", '"', '(', ')', '[', ']', '{', '}', '@', '*', '/', '\\', '&', '#', '%', '`', '^', '+', '<', '=', '>', '|', '~', '$', '0', 'a', ' ', '€', '£'].sort(new Intl.Collator('en').compare),
  },
};

/** What a component has no data for. */
const ABSENT: Cases = {
  'a language': () => new Intl.NumberFormat('th').format(1),
  'a calendar': () => new Date(0).toLocaleDateString('en', { calendar: 'buddhist' }),
  'digits': () => new Intl.NumberFormat('en-u-nu-arab').format(1),
  'names of languages': () => new Intl.DisplayNames('en', { type: 'language' }).of('de'),
  'segments': () => new Intl.Segmenter('en').segment('x'),
  'ranges': () => new Intl.DateTimeFormat('en').formatRange(0, 1),
  'the order of characters': () => '\u4e00'.localeCompare('\u4e8c', 'zh'),
  'a long name of a small zone': () => new Intl.DateTimeFormat('en', { timeZone: 'Asia/Kathmandu', timeZoneName: 'long' }).format(0),
};

export const answers = (group: string): Record<string, unknown> => Object.fromEntries(Object.entries(group === 'absent' ? ABSENT : (CASES[group] ?? {})).map(([name, run]) => [name, safely(run)]));
