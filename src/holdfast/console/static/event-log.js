// The debug events a page keeps and which of them a filter shows. Knows no DOM.

export const KEPT = 2000;
export const LEVELS = ["trace", "debug", "info", "warn", "error"];

const text = (value) => (typeof value === "string" ? value : "");

/**
 * One event as the page uses it; null when `data` is not an event.
 * @param {string} id the stream's id of it, "" when it has none
 * @param {string} data JSON
 */
export function readEvent(id, data) {
  let raw;
  try {
    raw = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof raw !== "object" || raw === null || typeof raw.message !== "string") return null;
  const level = text(raw.level).toLowerCase();
  const ts = Number(raw.ts);
  return {
    key: `${id}|${raw.ts}|${text(raw.requestId)}`,
    hasId: id !== "",
    ts: Number.isFinite(ts) ? ts : 0,
    level: level === "warning" ? "warn" : LEVELS.includes(level) ? level : "info",
    stream: text(raw.stream) || "log",
    requestId: text(raw.requestId),
    versionId: text(raw.versionId),
    message: raw.message,
    truncated: raw.truncated === true,
  };
}

/** Whether `filter` ({level, hidden streams, requestId}) shows `event`. */
export function shows(filter, event) {
  if (LEVELS.indexOf(event.level) < LEVELS.indexOf(filter.level)) return false;
  if (filter.hidden.has(event.stream)) return false;
  return filter.requestId === "" || event.requestId.toLowerCase().includes(filter.requestId.toLowerCase());
}

/** The last `KEPT` events, each once: a stream that reconnects tells its newest events again. */
export class EventLog {
  events = [];
  #keys = new Set();

  /** Returns {added, dropped}: whether `event` was new, and the event that left to make room for it, if one did. */
  add(event) {
    if (event.hasId) {
      if (this.#keys.has(event.key)) return { added: false, dropped: null };
      this.#keys.add(event.key);
    }
    this.events.push(event);
    if (this.events.length <= KEPT) return { added: true, dropped: null };
    const dropped = this.events.shift();
    this.#keys.delete(dropped.key);
    return { added: true, dropped };
  }

  /** Forgets what is shown, not what was seen: a reconnect does not bring back what a person cleared. */
  clear() {
    this.events = [];
    this.#keys = new Set([...this.#keys].slice(-KEPT));
  }
}
