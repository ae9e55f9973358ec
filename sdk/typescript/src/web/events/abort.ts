// AbortController and AbortSignal of the DOM standard.
import { define } from '../define.ts';
import { setTimeout } from '../clock/timers.ts';
import { Event, EventTarget } from './events.ts';

const aborted = (): DOMException => new DOMException('This operation was aborted', 'AbortError');

/** Only this module creates signals, as the standard wants it. */
const KEY = Symbol('AbortSignal');

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason: unknown = undefined;
  #onabort: ((event: Event) => unknown) | null = null;
  onabort: ((event: Event) => unknown) | null = null;

  constructor(key?: unknown) {
    super();
    if (key !== KEY) throw new TypeError('Illegal constructor');
    Object.defineProperty(this, 'onabort', {
      get: () => this.#onabort,
      set: (run: unknown) => { this.#onabort = typeof run === 'function' ? (run as (event: Event) => unknown) : null; },
    });
    this.addEventListener('abort', (event) => this.#onabort?.call(this, event));
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  static abort(reason: unknown = aborted()): AbortSignal {
    const signal = new AbortSignal(KEY);
    abort(signal, reason);
    return signal;
  }

  static timeout(milliseconds: number): AbortSignal {
    const signal = new AbortSignal(KEY);
    setTimeout(() => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')), milliseconds);
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const all = [...signals];
    const first = all.find((one) => one.aborted);
    if (first !== undefined) return AbortSignal.abort(first.reason);
    const signal = new AbortSignal(KEY);
    for (const one of all) one.addEventListener('abort', () => abort(signal, one.reason), { once: true });
    return signal;
  }

  /** Used by `abort` below: outside of this module nothing may abort a signal. */
  static [KEY](signal: AbortSignal, reason: unknown): void {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason;
    signal.dispatchEvent(new Event('abort'));
  }

  override get [Symbol.toStringTag](): string {
    return 'AbortSignal';
  }
}

function abort(signal: AbortSignal, reason: unknown): void {
  AbortSignal[KEY](signal, reason);
}

export class AbortController {
  readonly signal = new AbortSignal(KEY);

  abort(reason: unknown = aborted()): void {
    abort(this.signal, reason);
  }

  get [Symbol.toStringTag](): string {
    return 'AbortController';
  }
}

define({ AbortController, AbortSignal });
