// String.prototype.normalize of ECMAScript for an engine that has no tables of Unicode: the algorithm of Unicode Standard Annex 15.
// The tables are those of the Node that builds (driver/standards/unicode.mjs).
import tables from '@unicode/normalization';

const FORMS = ['NFC', 'NFD', 'NFKC', 'NFKD'];
const HANGUL = { syllable: 0xac00, lead: 0x1100, vowel: 0x1161, trail: 0x11a7, vowels: 21, trails: 28, syllables: 11172 };

interface Tables {
  canonical: Map<string, string>;
  compatible: Map<string, string>;
  composed: Map<string, string>;
  ranks: Map<string, number>;
}

const entries = (text: string): [string, string][] =>
  text.split('\0').map((entry) => {
    const character = String.fromCodePoint(entry.codePointAt(0) as number);
    return [character, entry.slice(character.length)];
  });

let read: Tables | undefined;

/** The tables, made of their text when the first text needs them: most texts do not. */
function known(): Tables {
  if (read !== undefined) return read;
  const canonical = new Map(entries(tables.canonical));
  const ranks = new Map(tables.marks.flatMap((marks: string, rank: number) => Array.from(marks, (mark): [string, number] => [mark, rank + 1])));
  read = { canonical, compatible: new Map(entries(tables.compatible)), composed: new Map(entries(tables.composed).map(([whole, pair]) => [pair, whole])), ranks };
  return read;
}

function decomposeHangul(character: string): string | undefined {
  const index = (character.codePointAt(0) as number) - HANGUL.syllable;
  if (index < 0 || index >= HANGUL.syllables) return undefined;
  const trail = index % HANGUL.trails;
  const vowel = Math.floor(index / HANGUL.trails) % HANGUL.vowels;
  const lead = Math.floor(index / HANGUL.trails / HANGUL.vowels);
  const parts = [HANGUL.lead + lead, HANGUL.vowel + vowel, ...(trail === 0 ? [] : [HANGUL.trail + trail])];
  return String.fromCodePoint(...parts);
}

function composeHangul(first: string, second: string): string | undefined {
  const [a, b] = [first.codePointAt(0) as number, second.codePointAt(0) as number];
  const [lead, vowel] = [a - HANGUL.lead, b - HANGUL.vowel];
  if (lead >= 0 && lead < 19 && vowel >= 0 && vowel < HANGUL.vowels) {
    return String.fromCodePoint(HANGUL.syllable + (lead * HANGUL.vowels + vowel) * HANGUL.trails);
  }
  const [syllable, trail] = [a - HANGUL.syllable, b - HANGUL.trail];
  const open = syllable >= 0 && syllable < HANGUL.syllables && syllable % HANGUL.trails === 0;
  return open && trail > 0 && trail < HANGUL.trails ? String.fromCodePoint(a + trail) : undefined;
}

/** The code points of the decomposition, the marks after each letter in their canonical order. */
function decompose(text: string, compatible: boolean): string[] {
  const { canonical, compatible: more, ranks } = known();
  const points: string[] = [];
  let marks: string[] = [];
  const flush = (): void => {
    points.push(...marks.sort((a, b) => (ranks.get(a) as number) - (ranks.get(b) as number)));
    marks = [];
  };
  for (const character of text) {
    const whole = (compatible ? more.get(character) : undefined) ?? canonical.get(character) ?? decomposeHangul(character) ?? character;
    for (const point of whole) {
      if (ranks.has(point)) marks.push(point);
      else {
        flush();
        points.push(point);
      }
    }
  }
  flush();
  return points;
}

function compose(points: string[]): string {
  const { composed, ranks } = known();
  const out: string[] = [];
  let starter = -1;
  let last = 0; // the rank of what stands between the starter and the next point
  for (const point of points) {
    const rank = ranks.get(point) ?? 0;
    const adjacent = starter === out.length - 1;
    if (starter >= 0 && (adjacent || (last !== 0 && last < rank))) {
      const letter = out[starter] as string;
      const whole = composed.get(letter + point) ?? composeHangul(letter, point);
      if (whole !== undefined) {
        out[starter] = whole;
        continue;
      }
    }
    if (rank === 0) starter = out.length;
    last = rank;
    out.push(point);
  }
  return out.join('');
}

function normalize(this: unknown, form: unknown = 'NFC'): string {
  if (this === null || this === undefined) throw new TypeError('String.prototype.normalize called on null or undefined');
  const text = String(this);
  const name = String(form);
  if (!FORMS.includes(name)) throw new RangeError(`The normalization form should be one of ${FORMS.join(', ')}.`);
  // eslint-disable-next-line no-control-regex
  if ((name === 'NFC' ? /^[\0-\u02ff]*$/ : /^[\0-\x7f]*$/).test(text)) return text;
  const points = decompose(text, name.startsWith('NFK'));
  return name.endsWith('C') ? compose(points) : points.join('');
}

if (!('normalize' in String.prototype)) {
  // Its form is optional, which its `length` shows; it is a method, so it has no prototype and is no constructor.
  const method = { normalize(this: unknown, ...form: unknown[]): string { return normalize.call(this, form[0]); } }.normalize;
  Object.defineProperty(String.prototype, 'normalize', { value: method, writable: true, configurable: true });
}
