// Offsets of the time zones of the IANA database (tzdata), from data/zones.json.
import source from './data/zones.json';

const ZONES: Record<string, string> = source.zones;
const LINKS: Record<string, string> = source.links;

interface Offset {
  seconds: number;
  daylight: boolean;
}

interface Zone {
  moments: number[];
  offsets: Offset[];
  rule: string;
}

const zones = new Map<string, Zone>();
let byLowerCase: Map<string, string> | undefined;

/** The name in the spelling of the database, or a fixed offset such as `+02:00`. Throws a RangeError for what is neither. */
export function zoneName(name: string): string {
  const fixed = /^([+-])(\d\d)(?::?(\d\d))?$/.exec(name);
  if (fixed !== null && Number(fixed[2]) < 24 && Number(fixed[3] ?? 0) < 60) return `${fixed[1]}${fixed[2]}:${fixed[3] ?? '00'}`;
  byLowerCase ??= new Map([...Object.keys(ZONES), ...Object.keys(LINKS)].map((one) => [one.toLowerCase(), one]));
  const found = byLowerCase.get(name.toLowerCase());
  if (found === undefined) throw new RangeError(`Invalid time zone specified: ${name}`);
  return /^(?:Etc\/)?(?:UTC|GMT|UCT|Zulu|Universal|Greenwich|GMT[+-]?0)$/.test(found) ? 'UTC' : found;
}

export const zoneNames = (): string[] => Object.keys(ZONES).filter((name) => name.includes('/') && !name.startsWith('Etc/')).sort();

function parse(text: string): Zone {
  const [offsets = '', transitions = '', rule = ''] = text.split('|');
  const known = offsets.split(',').map((one) => ({ seconds: Number.parseInt(one, 10), daylight: one.endsWith('d') }));
  const zone: Zone = { moments: [], offsets: [known[0] as Offset], rule };
  let moment = 0;
  for (const one of transitions === '' ? [] : transitions.split(',')) {
    const [delta = '', index = ''] = one.split(' ');
    moment += Number.parseInt(delta, 36);
    zone.moments.push(moment);
    zone.offsets.push(known[Number(index)] as Offset);
  }
  return zone;
}

function zoneOf(name: string): Zone {
  let zone = zones.get(name);
  if (zone === undefined) zones.set(name, (zone = parse(ZONES[name] ?? ZONES[LINKS[name] as string] ?? '0||UTC0')));
  return zone;
}

function seconds(text: string): number {
  const [hours = '0', minutes = '0', rest = '0'] = text.replace(/^[+-]/, '').split(':');
  return (text.startsWith('-') ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(rest));
}

/** Seconds from the start of `year` (UTC) to the moment of a POSIX rule such as `M3.5.0/2`, in wall time. */
function momentOf(rule: string, year: number): number {
  const [day = '', time = '2'] = rule.split('/');
  const start = Date.UTC(year, 0, 1) / 1000;
  if (!day.startsWith('M')) {
    const number = Number(day.replace('J', ''));
    const leap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
    return start + (day.startsWith('J') ? number - 1 + (leap && number >= 60 ? 1 : 0) : number) * 86400 + seconds(time);
  }
  const [month = 1, week = 1, weekday = 0] = day.slice(1).split('.').map(Number);
  const first = new Date(Date.UTC(year, month - 1, 1)).getUTCDay();
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  let date = 1 + ((weekday - first + 7) % 7) + (week - 1) * 7;
  if (date > days) date -= 7;
  return Date.UTC(year, month - 1, date) / 1000 + seconds(time);
}

/** The offset after the last transition, by the zone's POSIX rule (RFC 8536, 3.3). */
function byRule(rule: string, moment: number): Offset {
  const match = /^(?:<[^>]+>|[A-Za-z]+)([+-]?[\d:]+)(?:(?:<[^>]+>|[A-Za-z]+)([+-]?[\d:]+)?,([^,]+),(.+))?$/.exec(rule);
  if (match === null) throw new RangeError(`The rule ${rule} of the time zone is not valid`);
  const standard = -seconds(match[1] as string);
  if (match[3] === undefined) return { seconds: standard, daylight: false };
  const summer = match[2] === undefined ? standard + 3600 : -seconds(match[2]);
  const year = new Date((moment + standard) * 1000).getUTCFullYear();
  const start = momentOf(match[3], year) - standard;
  const end = momentOf(match[4] as string, year) - summer;
  const within = start < end ? moment >= start && moment < end : moment >= start || moment < end;
  // Ireland's standard time is its summer time: the rule says which one is later, and people call the later one summer time.
  return within ? { seconds: summer, daylight: summer > standard } : { seconds: standard, daylight: standard > summer };
}

/** The offset of `zone` at `milliseconds` since 1970. */
export function offsetAt(zone: string, milliseconds: number): Offset {
  if (/^[+-]/.test(zone)) return { seconds: seconds(zone), daylight: false };
  if (zone === 'UTC') return { seconds: 0, daylight: false };
  const { moments, offsets, rule } = zoneOf(zone);
  const moment = Math.floor(milliseconds / 1000);
  if (moments.length === 0 || moment >= (moments[moments.length - 1] as number)) return rule === '' ? (offsets[offsets.length - 1] as Offset) : byRule(rule, moment);
  let [low, high] = [0, moments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((moments[middle] as number) <= moment) low = middle + 1;
    else high = middle;
  }
  return offsets[low] as Offset;
}

const rootOf = (name: string): string => LINKS[name] ?? name;

/** Whether both names stand for one zone. */
export const sameZone = (one: string, other: string): boolean => rootOf(one) === rootOf(other);
