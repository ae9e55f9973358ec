// What the handler answers and the page shows.
import type { FieldErrors } from '@alga-psa/extension-runtime';

export interface Heartbeat {
  /** ISO 8601, UTC */
  at: string;
  /** The schedule that made the call; null for a call by a person or a program. */
  scheduleId: string | null;
  /** What the schedule sent along. */
  payload: unknown;
}

export interface Status {
  ok: true;
  schedules: number;
  lastHeartbeat: Heartbeat | null;
}

export interface Setup {
  created: string[];
  skipped: string[];
  failed: { name: string; error: string; fieldErrors: FieldErrors }[];
}
