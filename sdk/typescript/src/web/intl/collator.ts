// Intl.Collator of ECMA-402 (UTS 10) for the alphabets of Europe: letters, then accents, then case. The order is ICU's (scripts/intl/collation.mjs).
import source from './data/collation.json';
import { oneOf, unavailable } from './date_time.ts';
import { resolve, supportedLocalesOf } from './locale.ts';

type Options = Record<string, unknown>;

/** [primary, secondary, tertiary] */
type Weight = [number, number, number];

const ROOT: string[][] = source.root;
const TAILORED: Record<string, Record<string, string>> = source.tailored;
const MARKS: string = source.marks;
const EXPANSIONS: Record<string, string> = source.expansions;
const OTHER = 1_000_000;

let primaries: Map<string, Weight> | undefined;

/** Each group of the root order has one primary weight; its members differ in case. */
function root(): Map<string, Weight> {
  if (primaries === undefined) {
    primaries = new Map();
    ROOT.forEach((group, at) => group.forEach((letter, tertiary) => primaries?.set(letter, [(at + 1) * 100, 0, tertiary])));
  }
  return primaries;
}

/** The letters that are letters of their own in the language: after which letter of the root they come, or `=` which letter they vary. */
function tailoring(language: string): Map<string, Weight> {
  const found = new Map<string, Weight>();
  const after = new Map<number, number>();
  for (const [letter, previous] of Object.entries(TAILORED[language] ?? {})) {
    if (previous.startsWith('=')) {
      const [same] = (found.get(previous.slice(1)) ?? root().get(previous.slice(1))) as Weight;
      found.set(letter, [same, 500, 0]);
      found.set(letter.toUpperCase(), [same, 500, 2]);
      if (letter.length > 1) found.set((letter[0] as string).toUpperCase() + letter.slice(1), [same, 500, 1]);
      continue;
    }
    const base = found.get(previous)?.[0] ?? root().get(previous)?.[0] ?? 0;
    const primary = base + 1 + (after.get(base) ?? 0);
    after.set(base, (after.get(base) ?? 0) + 1);
    const lower: Weight = [primary, 0, 0];
    found.set(letter, lower);
    found.set(letter.toUpperCase(), [primary, 0, 2]);
    if (letter.length > 1) found.set((letter[0] as string).toUpperCase() + letter.slice(1), [primary, 0, 1]);
  }
  return found;
}

// Not literals: StarlingMonkey has no Unicode properties, and must load modules that never use these.
const isIgnored = (part: string): boolean => new RegExp('^[\\s\\u00a0\\p{P}]$', 'u').test(part);
const isControl = (part: string): boolean => new RegExp('[\\p{Cc}\\p{Cf}]', 'u').test(part);

class Keys {
  readonly #own: Map<string, Weight>;
  readonly #longest: number;

  constructor(language: string, readonly ignorePunctuation: boolean, readonly numeric: boolean) {
    this.#own = tailoring(language);
    this.#longest = Math.max(1, ...[...this.#own.keys()].map((letter) => letter.length));
  }

  of(text: string): Weight[] {
    const weights: Weight[] = [];
    const whole = text.normalize('NFC');
    for (let at = 0; at < whole.length; ) {
      const digits = this.numeric ? /^\d+/.exec(whole.slice(at)) : null;
      if (digits !== null) {
        this.#addNumber(digits[0], weights);
        at += digits[0].length;
        continue;
      }
      at += this.#addLetter(whole, at, weights);
    }
    return weights;
  }

  /** Numbers sort by their value, which their length and then their digits give. */
  #addNumber(text: string, weights: Weight[]): void {
    const plain = text.replace(/^0+(?=\d)/, '');
    const zero = root().get('0')?.[0] as number;
    weights.push([zero, 0, 0], [zero + plain.length / 1000, 0, 0]);
    for (const digit of plain) weights.push([zero + Number(digit), 0, 0]);
  }

  #addLetter(whole: string, at: number, weights: Weight[]): number {
    for (let size = Math.min(this.#longest, whole.length - at); size >= 1; size--) {
      const weight = this.#own.get(whole.slice(at, at + size));
      if (weight !== undefined) {
        weights.push(weight);
        return size;
      }
    }
    const character = String.fromCodePoint(whole.codePointAt(at) as number);
    if (!(this.ignorePunctuation && isIgnored(character))) this.#addCharacter(character, weights);
    return character.length;
  }

  #addCharacter(character: string, weights: Weight[]): void {
    const expansion = EXPANSIONS[character];
    if (expansion !== undefined) {
      for (const letter of expansion) this.#addCharacter(letter, weights);
      const last = weights[weights.length - 1] as Weight;
      weights[weights.length - 1] = [last[0], last[1] + 1000, last[2]];
      return;
    }
    for (const part of character.normalize('NFD')) {
      const mark = MARKS.indexOf(part);
      const known = root().get(part);
      if (known !== undefined) weights.push(known);
      else if (mark >= 0 || /\p{M}/u.test(part)) {
        const last = weights[weights.length - 1];
        if (last !== undefined) weights[weights.length - 1] = [last[0], last[1] * 200 + (mark < 0 ? 199 : mark + 1), last[2]];
      } else if (!isControl(part)) weights.push([OTHER + (part.codePointAt(0) as number), 0, 0]);
    }
  }
}

function compareLevel(one: Weight[], other: Weight[], level: 0 | 1 | 2): number {
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const difference = (one[at]?.[level] ?? -1) - (other[at]?.[level] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

const UNORDERED = ['ja', 'ko', 'zh'];

export class Collator {
  readonly #locale: string;
  readonly #sensitivity: string;
  readonly #caseFirst: string;
  readonly #usage: string;
  readonly #keys: Keys;
  #bound: ((a: string, b: string) => number) | undefined;

  constructor(locales?: unknown, given?: unknown) {
    const options = (given === undefined ? {} : Object(given)) as Options;
    const resolved = resolve(locales);
    this.#locale = resolved.locale;
    const language = resolved.locale.split('-')[0] as string;
    if (UNORDERED.includes(language)) unavailable(`Sorting in the order of ${language}`);
    const kind = options['collation'] ?? resolved.keywords['co'] ?? 'default';
    if (kind !== 'default' && kind !== 'standard') unavailable(`The collation ${String(kind)}`);
    this.#usage = oneOf(options, 'usage', ['sort', 'search']) ?? 'sort';
    this.#sensitivity = oneOf(options, 'sensitivity', ['base', 'accent', 'case', 'variant']) ?? 'variant';
    this.#caseFirst = oneOf(options, 'caseFirst', ['upper', 'lower', 'false']) ?? resolved.keywords['kf'] ?? (language === 'da' ? 'upper' : 'false');
    const numeric = options['numeric'] === undefined ? ['', 'true'].includes(resolved.keywords['kn'] ?? 'no') : Boolean(options['numeric']);
    this.#keys = new Keys(language === 'no' ? 'nb' : language, Boolean(options['ignorePunctuation']), numeric);
  }

  get compare(): (a: string, b: string) => number {
    return (this.#bound ??= (a, b) => this.#compare(String(a), String(b)));
  }

  #compare(a: string, b: string): number {
    if (a === b) return 0;
    const [one, other] = [this.#keys.of(a), this.#keys.of(b)];
    const upper = this.#caseFirst === 'upper' ? -1 : 1;
    const levels = { base: [0], accent: [0, 1], case: [0, 2], variant: [0, 1, 2] }[this.#sensitivity] as (0 | 1 | 2)[];
    for (const level of levels) {
      const difference = compareLevel(one, other, level);
      if (difference !== 0) return Math.sign(difference) * (level === 2 ? upper : 1);
    }
    return 0;
  }

  resolvedOptions(): Options {
    return {
      locale: this.#locale, usage: this.#usage, sensitivity: this.#sensitivity, ignorePunctuation: this.#keys.ignorePunctuation, collation: 'default', numeric: this.#keys.numeric, caseFirst: this.#caseFirst,
    };
  }

  static supportedLocalesOf(locales: unknown): string[] {
    return supportedLocalesOf(locales).filter((tag) => !UNORDERED.includes(tag.split('-')[0] as string));
  }

  get [Symbol.toStringTag](): string {
    return 'Intl.Collator';
  }
}
