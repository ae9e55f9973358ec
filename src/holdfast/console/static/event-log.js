// The debug events that the page stores, and the filter that selects which it shows. Independent of the DOM.

export const MAX_EVENTS = 2000;
export const LEVELS = ["trace", "debug", "info", "warn", "error"];

const text = (value) => (typeof value === "string" ? value : "");

/**
 * An event as the page uses it; null when `data` is not an event.
 * @param {string} id its id in the stream, "" when it has none
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

/** Whether `event` matches `filter` ({level, hidden streams, requestId}). */
export function matches(filter, event) {
  if (LEVELS.indexOf(event.level) < LEVELS.indexOf(filter.level)) return false;
  if (filter.hidden.has(event.stream)) return false;
  return filter.requestId === "" || event.requestId.toLowerCase().includes(filter.requestId.toLowerCase());
}

/** The last `MAX_EVENTS` events, each once: a stream that reconnects repeats its newest events. */
export class EventLog {
  events = [];
  #keys = new Set();

  /** Returns {added, dropped}: whether `event` was new, and the oldest event if it was dropped to stay within the bound. */
  add(event) {
    if (event.hasId) {
      if (this.#keys.has(event.key)) return { added: false, dropped: null };
      this.#keys.add(event.key);
    }
    this.events.push(event);
    if (this.events.length <= MAX_EVENTS) return { added: true, dropped: null };
    const dropped = this.events.shift();
    this.#keys.delete(dropped.key);
    return { added: true, dropped };
  }

  /** Removes all events but remembers their keys: a reconnect does not bring back events that the user cleared. */
  clear() {
    this.events = [];
    this.#keys = new Set([...this.#keys].slice(-MAX_EVENTS));
  }
}
