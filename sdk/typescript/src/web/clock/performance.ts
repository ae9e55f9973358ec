// performance: milliseconds since the first use in this call, and the marks and measures that programs time themselves with.
import clock from 'wasi:clocks/monotonic-clock@0.2.12';
import { isCalling } from '../../runtime/loop.ts';
import { define } from '../define.ts';

interface Entry {
  name: string;
  entryType: 'mark' | 'measure';
  startTime: number;
  duration: number;
  detail: unknown;
}

let origin: number | null = null;
let startedAt = 0;
let entries: Entry[] = [];

function now(): number {
  // There is no clock at build time, and programs measure how long they took to load.
  if (!isCalling()) return 0;
  const nanoseconds = Number(clock.now());
  if (origin === null) {
    origin = nanoseconds;
    startedAt = Date.now();
  }
  return (nanoseconds - origin) / 1e6;
}

function timeOf(point: string | number | undefined, otherwise: number): number {
  if (point === undefined) return otherwise;
  if (typeof point === 'number') return point;
  const mark = entries.findLast((entry) => entry.entryType === 'mark' && entry.name === point);
  if (mark === undefined) throw new DOMException(`The mark '${point}' does not exist.`, 'SyntaxError');
  return mark.startTime;
}

function record(entryType: Entry['entryType'], name: string, startTime: number, duration: number, detail: unknown): Entry {
  const entry = { name: String(name), entryType, startTime, duration, detail: detail ?? null };
  entries.push(entry);
  return entry;
}

const cleared = (entryType: Entry['entryType']) => (name?: string): void => {
  entries = entries.filter((entry) => entry.entryType !== entryType || (name !== undefined && entry.name !== name));
};

export const performance = {
  now,
  get timeOrigin(): number {
    now();
    return startedAt;
  },
  mark: (name: string, options: { startTime?: number; detail?: unknown } = {}): Entry =>
    record('mark', name, options.startTime ?? now(), 0, options.detail),
  measure(name: string, from?: string | { start?: string | number; end?: string | number; detail?: unknown }, to?: string): Entry {
    const { start, end, detail } = typeof from === 'object' ? from : { start: from, end: to, detail: undefined };
    const startTime = timeOf(start, 0);
    return record('measure', name, startTime, timeOf(end, now()) - startTime, detail);
  },
  clearMarks: cleared('mark'),
  clearMeasures: cleared('measure'),
  getEntries: (): Entry[] => entries.toSorted((a, b) => a.startTime - b.startTime),
  getEntriesByName: (name: string, type?: string): Entry[] =>
    performance.getEntries().filter((entry) => entry.name === name && (type === undefined || entry.entryType === type)),
  getEntriesByType: (type: string): Entry[] => performance.getEntries().filter((entry) => entry.entryType === type),
  toJSON: (): object => ({ timeOrigin: performance.timeOrigin }),
};

define({ performance });
