// Tables of Unicode for StarlingMonkey, which has none: those of the Node that builds. The SDK's src/web/unicode reads them.

const LAST = 0x10ffff;
/** Beyond are private characters and tags, which have neither decompositions nor classes. */
const LAST_DECOMPOSED = 0x3ffff;
const HANGUL = [0xac00, 0xd7a3];
const SURROGATES = [0xd800, 0xdfff];

/** A mark of the highest combining class: any other mark moves before it. */
const HIGHEST = '\u0345';

/** Marks by their combining class, the lowest first. JavaScript does not show the numbers, only which of two marks comes first. */
function marksInOrder(marks) {
  const movesBefore = (one, other) => (other + one).normalize('NFD') === one + other;
  const classes = [[HIGHEST]];
  for (const mark of marks) {
    if (mark === HIGHEST || !movesBefore(mark, HIGHEST)) continue;
    let [low, high] = [0, classes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (movesBefore(classes[middle][0], mark)) low = middle + 1;
      else high = middle;
    }
    // The first class that does not come before the mark: its own, unless the mark comes before it.
    if (movesBefore(mark, classes[low][0])) classes.splice(low, 0, [mark]);
    else classes[low].push(mark);
  }
  return classes.map((equal) => equal.join(''));
}

/** The letter and the mark that compose `whole`, as text. */
function pairOf(whole) {
  const points = [...whole.normalize('NFD')];
  const mark = points.pop();
  return points.join('').normalize('NFC') + mark;
}

function tablesOfNormalization() {
  const [canonical, compatible, composed, marks] = [[], [], [], []];
  for (let point = 0; point <= LAST_DECOMPOSED; point += 1) {
    if (point === HANGUL[0]) point = HANGUL[1] + 1;
    if (point === SURROGATES[0]) point = SURROGATES[1] + 1;
    const one = String.fromCodePoint(point);
    const [nfd, nfkd] = [one.normalize('NFD'), one.normalize('NFKD')];
    if (nfd !== one) canonical.push(one + nfd);
    else if (/^\p{M}$/u.test(one)) marks.push(one);
    if (nfkd !== nfd) compatible.push(one + nfkd);
    if (nfd !== one && one.normalize('NFC') === one) composed.push(one + pairOf(one));
  }
  return { canonical: canonical.join('\0'), compatible: compatible.join('\0'), composed: composed.join('\0'), marks: marksInOrder(marks) };
}

let normalization;

/** The source of the module with the tables of String.prototype.normalize. */
export function normalizationModule() {
  normalization ??= `export default JSON.parse(${JSON.stringify(JSON.stringify(tablesOfNormalization()))});`;
  return normalization;
}

/** The properties that the SDK's own standards use in expressions. */
const OWN_PROPERTIES = ['P', 'Cc', 'Cf', 'M', 'L'];
const NAMED = /\\p\{([\w=]+)\}/gi;

const tables = new Map();

let pieces;

/** All code points as two texts with the code point that each begins at: what is between them are the surrogates. */
function charactersAround() {
  const all = (first, last) => Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at)).join('');
  pieces ??= [[0, all(0, SURROGATES[0] - 1)], [SURROGATES[1] + 1, all(SURROGATES[1] + 1, LAST)]];
  return pieces;
}

/** The code point at `index` of a text of all code points from `first`. */
const pointAt = (first, index) => (first + index <= 0xffff ? first + index : 0x10000 + (first + index - 0x10000) / 2);

/** Gaps and lengths of the ranges of characters with `property`, in base 36; null if Node does not know it. */
function tableOf(property) {
  let expression;
  try {
    expression = new RegExp(`\\p{${property}}+`, 'gu');
  } catch {
    return null;
  }
  const [low, high] = charactersAround().map(([first, text]) =>
    [...text.matchAll(expression)].map((match) => [pointAt(first, match.index), pointAt(first, match.index + match[0].length)]),
  );
  const between = String.fromCharCode(SURROGATES[0]).search(expression) === 0 ? [[SURROGATES[0], SURROGATES[1] + 1]] : [];
  let end = 0;
  const numbers = [...low, ...between, ...high].flatMap(([first, after]) => {
    const gap = first - end;
    end = after;
    return [gap, after - first];
  });
  return numbers.map((number) => number.toString(36)).join(' ');
}

/** Tables of the properties that `text`, the code of a program, and the SDK name: {property: table}. */
export function propertiesOf(text) {
  const names = new Set([...OWN_PROPERTIES, ...[...text.matchAll(NAMED)].map((match) => match[1])]);
  for (const name of names) if (!tables.has(name)) tables.set(name, tableOf(name));
  return Object.fromEntries([...names].map((name) => [name, tables.get(name)]).filter(([, table]) => table !== null));
}

/** Expressions as the bundler writes them: a pattern and its flags. */
const WRITTEN = /\bnew RegExp\(\s*("(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[^])*`)\s*,\s*"([a-z]*)"\s*\)/g;
const SET_OPERATION = /--|&&|\\\\q\{/;
/** What differs between alphabets: letters outside of ASCII, and classes that have some. */
const BEYOND_ASCII = /[^\x00-\x7f]|\\\\[uUpPwWbB]/;
const COMPUTED = /\\\\[pP]\{(?:\$\{|["'`]\s*\+)/;
const WAY_OUT = 'Write the expression in another way, or build with the engine quickjs.';

/** What StarlingMonkey cannot do of the expressions in `text`, the code of a program, as messages of esbuild: {errors, warnings}. */
export function problemsOfExpressions(text) {
  const [errors, warnings] = [new Set(), new Set()];
  for (const [, pattern, flags] of text.matchAll(WRITTEN)) {
    const shown = pattern.length > 80 ? `${pattern.slice(0, 80)}…` : pattern;
    if (flags.includes('v') && SET_OPERATION.test(pattern)) {
      errors.add(`StarlingMonkey has no RegExp with set operations (flag v): ${shown}. ${WAY_OUT}`);
    } else if (/[uv]/.test(flags) && flags.includes('i') && BEYOND_ASCII.test(pattern)) {
      warnings.add(`StarlingMonkey compares some letters of a RegExp by case as without the flag u: ${shown}. ${WAY_OUT}`);
    }
  }
  if (COMPUTED.test(text)) {
    warnings.add(`StarlingMonkey cannot find a property of RegExp whose name is computed (\\p{…}): such an expression throws a SyntaxError. ${WAY_OUT}`);
  }
  const messages = (texts) => [...texts].map((one) => ({ text: one }));
  return { errors: messages(errors), warnings: messages(warnings) };
}
