// Intl.PluralRules of ECMA-402, with the rules of CLDR from the package make-plural.
import * as rules from '@toolchain/make-plural/plurals';
import * as categories from '@toolchain/make-plural/pluralCategories';
import { oneOf } from './date_time.ts';
import { NumberFormatter } from './number.ts';
import { resolve, supportedLocalesOf } from './locale.ts';

type Rule = (value: string, ordinal?: boolean) => string;

function ruleOf(locale: string): Rule {
  const name = locale === 'pt-PT' ? 'pt_PT' : (locale.split('-')[0] as string);
  return (rules as unknown as Record<string, Rule>)[name === 'nb' ? 'no' : name] ?? (rules as unknown as { en: Rule }).en;
}

/** The category of a number as it is written: `1.0` is not `1`. */
export const pluralOf = (locale: string, shown: string, ordinal = false): string => ruleOf(locale)(shown, ordinal);

export class PluralRules {
  #formatter: NumberFormatter;
  #ordinal: boolean;

  constructor(locales?: unknown, options?: unknown) {
    const given = (options === undefined ? {} : Object(options)) as Record<string, unknown>;
    this.#ordinal = oneOf(given, 'type', ['cardinal', 'ordinal']) === 'ordinal';
    this.#formatter = new NumberFormatter(locales, { ...given, style: 'decimal', useGrouping: false });
  }

  select(value: unknown): string {
    const number = Number(value);
    if (!Number.isFinite(number)) return 'other';
    const parts = this.#formatter.parts(Math.abs(number));
    const shown = parts.map(({ type, value: text }) => (type === 'decimal' ? '.' : text)).join('');
    return pluralOf(this.#formatter.settings.resolved.locale, shown, this.#ordinal);
  }

  resolvedOptions(): Record<string, unknown> {
    const { locale } = resolve(this.#formatter.settings.resolved.locale);
    const { minInteger, fraction, significant } = this.#formatter.settings;
    const all = (categories as unknown as Record<string, { cardinal: string[]; ordinal: string[] }>)[locale.split('-')[0] as string];
    return {
      locale, type: this.#ordinal ? 'ordinal' : 'cardinal', minimumIntegerDigits: minInteger,
      ...(significant === null ? { minimumFractionDigits: fraction[0], maximumFractionDigits: fraction[1] } : { minimumSignificantDigits: significant[0], maximumSignificantDigits: significant[1] }),
      pluralCategories: all?.[this.#ordinal ? 'ordinal' : 'cardinal'] ?? ['other'],
    };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocalesOf(locales);
  }

  get [Symbol.toStringTag](): string {
    return 'Intl.PluralRules';
  }
}
