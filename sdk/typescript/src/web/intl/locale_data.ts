// The form of a locale's data, as scripts/intl/locales.mjs writes it.

/** Literals as text; fields as [code, form]: the width of a number, or -1 minus the index of a list of names. */
export type Pattern = (string | [string, number | string])[];
/** Literals as text; numbers stand for the parts that numbers are made of. */
export type Template = (string | number)[];
export type Plurals<T> = Record<string, T>;

export interface NumberData {
  decimal: string;
  group: string;
  minimumGrouping: number;
  sizes: [number, number];
  minus: string;
  plus: string;
  percent: string;
  nan: string;
  infinity: string;
  percentPattern: Template;
  negative: Template;
  currencyDecimal: string;
  currencyGroup: string;
  currencyMinimumGrouping: number;
  currencyPattern: Template;
  currencyCodePattern: Template;
  negativeCurrency: Template;
  negativeCode: Template;
  accounting: Template;
  currencies: Record<string, [string, string]>;
  compact: Record<'short' | 'long', Record<string, { size: number; words: Plurals<Template | null> }>>;
  units: Record<string, Record<string, Plurals<Template>>>;
}

export interface RelativeData {
  future: Plurals<Template>;
  past: Plurals<Template>;
  words: Record<string, string>;
}

export interface LocaleData {
  dates: Record<string, Pattern>;
  times: Record<string, Pattern>;
  styles: { date: Record<string, Pattern>; time: Record<string, Pattern>; glue: Record<string, string> };
  glues: { full: string; long: string; medium: string; short: string; zoneAfterTime: string; zoneAfterDate: string };
  lists: string[][];
  zones: Record<string, { short?: string[]; long?: string[] }>;
  gmt: string;
  gmtNegative: string;
  utc: string;
  hourCycle: string;
  hour12: boolean;
  numbers: NumberData;
  relative: Record<string, Record<string, RelativeData>>;
  join: Record<string, [string, string, string, string]>;
}
