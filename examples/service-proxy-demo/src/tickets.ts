// What the ticket service sends, and what the handler answers.

export interface Ticket {
  id: string;
  title: string;
  status: string;
  client: string;
}

export interface TicketsAnswer {
  ok: boolean;
  tickets: Ticket[];
  /** The status of the ticket service's response; null if there was none. */
  upstreamStatus: number | null;
  /** A code; null if everything went well. */
  error: string | null;
  message?: string;
  limit: number;
  /** Whether the request came through /proxy/tickets. */
  fromProxy: boolean;
  /** ISO 8601, UTC */
  fetchedAt: string;
}

export const DEFAULT_LIMIT = 10;
const MAX_LIMIT = 100;

/** A whole number from 1 to 100, whatever was given. */
export function readLimit(given: unknown): number {
  const number = Math.trunc(Number(given ?? DEFAULT_LIMIT));
  return Number.isFinite(number) ? Math.min(Math.max(number, 1), MAX_LIMIT) : DEFAULT_LIMIT;
}

/** The tickets of `[…]`, `{"data": […]}` or `{"tickets": […]}`; null if it is something else. */
export function readTickets(body: unknown): Ticket[] | null {
  const { data, tickets } = (body ?? {}) as { data?: unknown; tickets?: unknown };
  const list = Array.isArray(body) ? body : (data ?? tickets);
  if (!Array.isArray(list)) return null;
  return list.map((entry: Record<string, unknown>) => ({
    id: String(entry['id'] ?? ''),
    title: String(entry['title'] ?? ''),
    status: String(entry['status'] ?? ''),
    client: String(entry['client'] ?? ''),
  }));
}
