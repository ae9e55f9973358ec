// Writes the order of letters of the SDK's Intl.Collator (sdk/typescript/src/web/intl/data/collation.json) from the ICU of the Node that runs it.
// Run: node scripts/intl/collation.mjs
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OUT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'sdk', 'typescript', 'src', 'web', 'intl', 'data', 'collation.json');
const LANGUAGES = ['de', 'fr', 'es', 'it', 'pt', 'nl', 'sv', 'nb', 'da', 'fi', 'pl', 'cs', 'sk', 'hu', 'ro', 'el', 'tr', 'ru', 'uk'];
const RANGES = [[0x20, 0x7e], [0xa0, 0x24f], [0x370, 0x3ff], [0x400, 0x45f], [0x490, 0x491], [0x1e00, 0x1eff], [0x2010, 0x205e], [0x20a0, 0x20bf], [0x2190, 0x21ff], [0x2200, 0x2211]];
const DIGRAPHS = ['ch', 'll', 'dz', 'dž', 'cs', 'gy', 'ly', 'ny', 'sz', 'ty', 'zs', 'dzs', 'aa', 'lj', 'nj'];
const root = new Intl.Collator('en', { sensitivity: 'variant' });
const base = new Intl.Collator('en', { sensitivity: 'base' });
const characters = RANGES.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => String.fromCodePoint(from + at))).filter((one) => /[^\p{Cn}\p{Cc}\p{Cf}\p{M}]/u.test(one) && one.normalize('NFC') === one);
const expansions = { ß: 'ss', ẞ: 'SS', æ: 'ae', Æ: 'AE', œ: 'oe', Œ: 'OE', ĳ: 'ij', Ĳ: 'IJ' };
const expanding = new Set(Object.keys(expansions));
const plain = characters.filter((one) => one.normalize('NFD') === one && !expanding.has(one));
const groups = [];
for (const one of plain.sort((a, b) => base.compare(a, b) || root.compare(a, b))) {
  const last = groups.at(-1);
  if (last !== undefined && base.compare(last[0], one) === 0) last.push(one);
  else groups.push([one]);
}
// Letters with a stroke are their letter with a difference of accent; the compatibility forms are not worth their tables.
for (const group of groups) group.sort((a, b) => root.compare(a, b));
const strokes = {};
const kept = groups.map((group) => group.filter((one) => {
  const same = new Intl.Collator('en', { sensitivity: 'accent' }).compare(group[0], one) === 0;
  if (!same && /\p{L}/u.test(one)) strokes[one] = group[0];
  return same;
}));
const marks = Array.from({ length: 0x70 }, (_, at) => String.fromCodePoint(0x300 + at)).filter((one) => /\p{M}/u.test(one)).sort((a, b) => root.compare(`a${a}`, `a${b}`)).join('');
const tailored = {};
for (const language of LANGUAGES) {
  const own = new Intl.Collator(language, { sensitivity: 'base' });
  const sorted = new Intl.Collator(language);
  const letters = characters.filter((one) => /\p{Ll}/u.test(one) && one.length === 1 && one.normalize('NFKD')[0] !== undefined && /[a-zα-ωа-яёіїєґ]/u.test(one.normalize('NFD')[0]) && one.normalize('NFD').length === 2 && own.compare(one, one.normalize('NFD')[0]) !== 0 && base.compare(one, one.normalize('NFD')[0]) === 0);
  for (const special of ['æ', 'ø', 'đ', 'ł', 'ı', 'þ']) if (own.compare(special, expansions[special] ?? 'o') !== 0 && !letters.includes(special) && (expansions[special] !== undefined ? own.compare(special, expansions[special]) !== 0 : special === 'ø' ? own.compare('ø', 'o') !== 0 && ['da', 'nb', 'sv', 'fi'].includes(language) : ['ł', 'đ'].includes(special) ? own.compare(special, { ł: 'l', đ: 'd' }[special]) !== 0 : special === 'ı' && language === 'tr')) letters.push(special);
  const digraphs = DIGRAPHS.filter((one) => own.compare(one, `${one[0]}z`) > 0 && base.compare(one, `${one[0]}z`) < 0);
  const all = [...letters, ...digraphs].sort(sorted.compare);
  const basics = groups.map((group) => group[0]).filter((one) => /\p{L}/u.test(one));
  const found = {};
  const known = [];
  for (const letter of all) {
    // Letters that differ from another one only as an accent does.
    const same = [...'abcdefghijklmnopqrstuvwxyz', ...known].find((one) => own.compare(one, letter) === 0);
    if (same !== undefined) {
      found[letter] = `=${same}`;
      continue;
    }
    known.push(letter);
    const before = basics.filter((one) => own.compare(one, letter) < 0).at(-1);
    if (before !== undefined) found[letter] = before;
  }
  if (Object.keys(found).length > 0) tailored[language] = found;
}
writeFileSync(OUT, `${JSON.stringify({ icu: process.versions.icu, root: kept, expansions: { ...expansions, ...Object.fromEntries(Object.entries(strokes).map(([a, b]) => [a, b])) }, marks, tailored })}\n`);
console.log(kept.length, JSON.stringify(tailored).slice(0, 1500));
