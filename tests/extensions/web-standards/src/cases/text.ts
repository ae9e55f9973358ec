import type { Cases } from '../run.ts';

const FORMS = ['NFC', 'NFD', 'NFKC', 'NFKD'] as const;
const points = (text: string) => [...text].map((one) => one.codePointAt(0));
const property = ['Script', 'Greek'];

/** Characters by their code points: texts of every kind that the algorithm treats in its own way. */
const TEXTS = [[0x75, 0x308], [0xfc], [0x1ead, 0x315, 0x327], [0x61, 0x315, 0x300, 0x5ae, 0x62], [0xac01, 0x11a8, 0x1100, 0x1161, 0x11a8], [0x212b, 0x2126], [0xfb01, 0x2460, 0xff76, 0xff9e], [0x958, 0x344, 0xf73], [0x1d15e], [0xd834], [0x1e9b, 0x323], [0x110ab, 0x11099, 0x110ba]];

export const text: Cases = {
  ...Object.fromEntries(FORMS.map((form) => [form, () => TEXTS.map((one) => points(String.fromCodePoint(...one).normalize(form)))])),
  'the form is NFC unless another is named': () => ['u\u0308'.normalize().length, 'u\u0308'.normalize(undefined).length, 'a'.normalize('x' as 'NFC')],
  'a method of text': () => [String.prototype.normalize.length, String.prototype.normalize.name, Object.keys(String.prototype)],
  'letters': () => 'Łódź, Ωmega 42 日本 a\u0308'.match(/[\p{L}\p{M}]+/gu),
  'what is no letter': () => ['ä-ö ü'.split(/\P{L}+/u), 'aB1'.replace(/[^\p{Lu}\p{Nd}]/gu, '.'), 'a1'.match(/[\P{L}_]/u)?.[0]],
  'scripts and names': () => ['aαя'.match(/\p{Script=Cyrillic}/u)?.[0], 'a😀'.match(/\p{Emoji_Presentation}/u)?.index, /^\p{ASCII}+$/u.test('az'), /\p{General_Category=Decimal_Number}/u.test('٣'), /\p{scx=Deva}/u.test('\u0964')],
  'outside of the first plane': () => ['𝒜𐐀'.match(/\p{Lu}/gu)?.length, /^\P{L}$/u.test('😀')],
  'case is ignored': () => ['aB'.match(/\p{Lu}+/iu)?.[0], 'É'.replace(/\p{Ll}/iu, 'x')],
  'in a text': () => { const made = new RegExp('^\\p{Lu}[\\]\\p{Nd}]+$', 'u'); return [made.test('Ä]4'), made.source, String(made), made.flags, made.constructor === RegExp, made instanceof RegExp]; },
  'of an expression': () => { const one = RegExp('\\p{Lu}', 'u'); return [RegExp(one) === one, new RegExp(one, 'gu').source, 'aÄÖ'.replace(new RegExp(one, 'gu'), '.')]; },
  'the flag v': () => ['aä1'.match(/[\p{L}_]+/v)?.[0], /^\p{Lu}$/v.test('Ä')],
  'without the flag': () => [new RegExp('\\p{2}').test('pp'), /\\p\{L\}/u.test('\\p{L}')],
  'last match': () => [...'x=1;y=2'.matchAll(/(\p{L})=(?<n>\p{N})/gu)].map((found) => [found[1], found.groups?.['n'], found.index]),
  'sticky': () => { const made = /\p{L}/uy; made.lastIndex = 1; return [made.test('1a'), made.lastIndex]; },
  'a subclass': () => { class Own extends RegExp {} const made = new Own('\\p{L}', 'u'); return [made instanceof Own, made.test('ä')]; },
  'no such property': () => new RegExp('\\p{Nothing}', 'u'),
  'a property that is put together': () => new RegExp(`\\p{${property.join('=')}}`, 'u').test('α'),
};
