// Amounts: the platform counts in minor units (1250), people write major ones (12.50).

const digits = (currency: string): number => new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;

/** The minor units of an amount as people write it; null if it is not an amount of this currency. */
export function toMinor(text: string, currency: string): number | null {
  const found = /^(\d{1,12})(?:\.(\d+))?$/.exec(text.trim());
  if (found === null) return null;
  const fraction = found[2] ?? '';
  const places = digits(currency);
  return fraction.length > places ? null : Number(`${found[1]}${fraction.padEnd(places, '0')}`);
}

/** The amount as people write it, without the currency. */
export function toMajor(minor: number, currency: string): string {
  return (minor / 10 ** digits(currency)).toFixed(digits(currency));
}

/** The amount with its currency, in the language of the reader. */
export function format(minor: number, currency: string): string {
  return new Intl.NumberFormat(undefined, { style: 'currency', currency }).format(minor / 10 ** digits(currency));
}

/** What a line costs, in whole minor units; each line is rounded, as on the invoice. */
export function lineAmount({ quantity, rate }: { quantity: number; rate: number }): number {
  return Math.round(quantity * rate);
}
