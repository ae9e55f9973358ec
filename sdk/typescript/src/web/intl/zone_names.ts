// How people call a time zone at a moment: by a name, or by its offset.
import type { LocaleData } from './locale_data.ts';
import { offsetAt, sameZone } from './zones.ts';

const JANUARY = Date.UTC(2024, 0, 15);

function offsetText(data: LocaleData, seconds: number, long: boolean): string {
  if (seconds === 0 && !long) return data.utc;
  const [prefix = ''] = data.gmt.split(/[+\u2212-]/);
  const total = Math.abs(seconds);
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  const tail = rest === 0 ? '' : `:${two(rest)}`;
  const text = long ? `${two(hours)}:${two(minutes)}${tail}` : `${hours}${minutes === 0 && rest === 0 ? '' : `:${two(minutes)}`}${tail}`;
  return `${prefix}${seconds < 0 ? (/[\u2212-]/.exec(data.gmtNegative)?.[0] ?? '-') : '+'}${text}`;
}

/** `style` is an option timeZoneName. Throws a RangeError for names that there are no data for. */
export function nameOfZone(data: LocaleData, zone: string, milliseconds: number, style: string): string {
  const { seconds } = offsetAt(zone, milliseconds);
  if (style === 'shortOffset' || style === 'longOffset') return offsetText(data, seconds, style === 'longOffset');
  if (style !== 'short' && style !== 'long') throw new RangeError(`timeZoneName "${style}" is not available in extensions`);
  const key = zone in data.zones ? zone : Object.keys(data.zones).find((one) => sameZone(one, zone));
  const names = key === undefined ? undefined : data.zones[key]?.[style];
  if (names !== undefined) return names[seconds === offsetAt(zone, JANUARY).seconds ? 0 : names.length - 1] as string;
  if (style === 'short' || /^[+-]/.test(zone)) return offsetText(data, seconds, style === 'long');
  throw new RangeError(`The long name of the time zone ${zone} is not available in extensions; use timeZoneName "short" or "longOffset"`);
}
