// Decimal arithmetic on the digits of numbers: rounds what people see, not the binary fraction behind it.

/** `digits` without leading zeros, times ten to the power of `exponent`. Zero has no digits. */
export interface Decimal {
  negative: boolean;
  digits: string;
  exponent: number;
}

/** The shortest digits that stand for the number, as ECMA-262 prints it; text and BigInt exactly. */
export function decimalOf(value: number | bigint | string): Decimal {
  const match = /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(Object.is(value, -0) ? '-0' : String(value));
  if (match === null) throw new RangeError(`${String(value)} is not a decimal number`);
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const all = whole + fraction;
  const digits = all.replace(/^0+/, '');
  const trimmed = digits.replace(/0+$/, '');
  return { negative: sign === '-', digits: trimmed, exponent: trimmed === '' ? 0 : Number(power) - fraction.length + digits.length - trimmed.length };
}

function increment(digits: string): string {
  const nines = /9*$/.exec(digits)?.[0].length ?? 0;
  const head = digits.slice(0, digits.length - nines);
  return (head === '' ? '1' : head.slice(0, -1) + String(Number(head.slice(-1)) + 1)) + '0'.repeat(nines);
}

export type Rounding = 'ceil' | 'floor' | 'expand' | 'trunc' | 'halfCeil' | 'halfFloor' | 'halfExpand' | 'halfTrunc' | 'halfEven';

function roundsUp(mode: Rounding, negative: boolean, rest: string, odd: boolean): boolean {
  if (/^0*$/.test(rest)) return false;
  const away = { ceil: !negative, floor: negative, expand: true, trunc: false }[mode as 'ceil'];
  if (away !== undefined) return away;
  const half = /^50*$/.test(rest);
  if (!half) return (rest[0] as string) >= '5';
  return { halfCeil: !negative, halfFloor: negative, halfExpand: true, halfTrunc: false, halfEven: odd }[mode as 'halfCeil'];
}

/** Rounded so that nothing is left below ten to the power of `exponent`. */
export function roundTo(value: Decimal, exponent: number, mode: Rounding): Decimal {
  const drop = exponent - value.exponent;
  if (drop <= 0 || value.digits === '') return value;
  const padded = value.digits.padStart(drop, '0');
  const kept = padded.slice(0, padded.length - drop);
  const rest = padded.slice(padded.length - drop);
  const up = roundsUp(mode, value.negative, rest, Number(kept.slice(-1) || 0) % 2 === 1);
  const digits = up ? increment(kept === '' ? '0' : kept).replace(/^0+/, '') : kept;
  const trimmed = digits.replace(/0+$/, '');
  return { negative: value.negative, digits: trimmed, exponent: trimmed === '' ? 0 : exponent + digits.length - trimmed.length };
}

/** The power of ten of the first digit. */
export const magnitude = (value: Decimal): number => (value.digits === '' ? 0 : value.digits.length + value.exponent - 1);

export const scaled = (value: Decimal, power: number): Decimal => (value.digits === '' ? value : { ...value, exponent: value.exponent + power });

/** The digits before and after the point, with at least `minInteger` and `minFraction` of them. */
export function plainDigits({ digits, exponent }: Decimal, minInteger: number, minFraction: number): [string, string] {
  const whole = exponent >= 0 ? digits + '0'.repeat(digits === '' ? 0 : exponent) : digits.slice(0, Math.max(0, digits.length + exponent));
  const fraction = exponent >= 0 ? '' : digits.slice(Math.max(0, digits.length + exponent)).padStart(-exponent, '0');
  return [whole.padStart(minInteger, '0'), fraction.padEnd(minFraction, '0')];
}
