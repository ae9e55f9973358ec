// performance.now: milliseconds since its first use in this call.
import clock from 'wasi:clocks/monotonic-clock@0.2.12';

let origin: number | null = null;

export const performance = {
  now(): number {
    const nanoseconds = Number(clock.now());
    origin ??= nanoseconds;
    return (nanoseconds - origin) / 1e6;
  },
};
