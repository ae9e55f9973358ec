// Which locales there are, and their data: one text each, parsed when it is asked for, so that a component holds no tables that it does not use.
import source from './data/locales.json';
import type { LocaleData } from './locale_data.ts';

const TEXTS: Record<string, string> = source.locales;
const parsed = new Map<string, LocaleData>();

export const available = (): string[] => Object.keys(TEXTS);

/** Tags that stand for another: regions and scripts that people write out. */
const SAME: Record<string, string> = {
  'en-US': 'en', 'de-DE': 'de', 'fr-FR': 'fr', 'es-ES': 'es', 'it-IT': 'it', 'pt-BR': 'pt', 'nl-NL': 'nl', 'sv-SE': 'sv', 'no': 'nb', 'nb-NO': 'nb', 'no-NO': 'nb', 'da-DK': 'da', 'fi-FI': 'fi',
  'pl-PL': 'pl', 'cs-CZ': 'cs', 'sk-SK': 'sk', 'hu-HU': 'hu', 'ro-RO': 'ro', 'el-GR': 'el', 'tr-TR': 'tr', 'ru-RU': 'ru', 'uk-UA': 'uk', 'ja-JP': 'ja', 'ko-KR': 'ko', 'zh-CN': 'zh', 'zh-Hans': 'zh',
  'zh-Hans-CN': 'zh', 'zh-TW': 'zh-Hant', 'zh-Hant-TW': 'zh-Hant', 'es-419': 'es-MX', 'en-US-POSIX': 'en', 'it-CH': 'it', 'de-LI': 'de-CH', 'sv-FI': 'sv', 'es-US': 'es-MX',
};

/** The tag in its canonical form: language, script and region in their cases; extensions are kept apart. */
export function canonical(tag: unknown): string {
  if (typeof tag !== 'string' && typeof tag !== 'object') throw new TypeError('A locale is text');
  const text = String(tag);
  if (!/^[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wyz\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?$/i.test(text)) {
    throw new RangeError(`Incorrect locale information provided: ${text}`);
  }
  let extension = false;
  return text.split('-').map((part, at) => {
    extension ||= at > 0 && part.length === 1;
    if (at === 0 || extension) return part.toLowerCase();
    if (part.length === 2) return part.toUpperCase();
    return part.length === 4 && /^[a-z]/i.test(part) ? (part[0] as string).toUpperCase() + part.slice(1).toLowerCase() : part.toLowerCase();
  }).join('-');
}

export function canonicalList(locales: unknown): string[] {
  if (locales === undefined) return [];
  const list = typeof locales === 'string' ? [locales] : typeof locales === 'object' && locales !== null && !(Symbol.iterator in locales) ? [locales] : [...(locales as Iterable<unknown>)];
  return [...new Set(list.map(canonical))];
}

/** The tag of the data that formats for `tag`, and the tag to report; null if there is none. */
function known(tag: string): { data: string; tag: string } | null {
  const plain = tag.replace(/-[a-wyz\d](?:-[a-z\d]{2,8})+|-x-.*$/g, '');
  const same = SAME[plain];
  if (same !== undefined) return { data: same, tag: plain };
  if (plain in TEXTS) return { data: plain, tag: plain };
  // English of any other region is written as in Britain, everything else as the language is at home.
  const [language = '', region] = plain.split('-');
  if (language === 'en' && region !== undefined) return { data: 'en-GB', tag: plain };
  if (language === 'es' && region !== undefined && region !== 'ES') return { data: 'es-MX', tag: plain };
  return language in TEXTS && language !== 'zh' && region === undefined ? { data: language, tag: language } : null;
}

export interface Resolved {
  /** What resolvedOptions reports. */
  locale: string;
  data: LocaleData;
  /** The keys of the Unicode extension, such as `hc`. */
  keywords: Record<string, string>;
}

function keywordsOf(tag: string): Record<string, string> {
  const extension = /-u((?:-[a-z\d]{2,8})+)/.exec(tag)?.[1] ?? '';
  const found: Record<string, string> = {};
  let key = '';
  for (const part of extension.split('-').slice(1)) {
    if (part.length === 2) found[(key = part)] = '';
    else if (key !== '') found[key] = found[key] === '' ? part : `${found[key]}-${part}`;
  }
  return found;
}

/** The first locale of `locales` that there is data for. Throws a RangeError when there is none: a wrong language is no answer. */
export function resolve(locales: unknown): Resolved {
  const wanted = canonicalList(locales);
  for (const tag of wanted.length === 0 ? ['en-US'] : wanted) {
    const found = known(tag);
    if (found === null) continue;
    let data = parsed.get(found.data);
    if (data === undefined) parsed.set(found.data, (data = JSON.parse(TEXTS[found.data] as string) as LocaleData));
    return { locale: found.tag, data, keywords: keywordsOf(tag) };
  }
  throw new RangeError(`The locale ${wanted.join(', ')} is not available in extensions. Available: ${available().join(', ')}`);
}

export const supportedLocalesOf = (locales: unknown): string[] => canonicalList(locales).filter((tag) => known(tag) !== null);
