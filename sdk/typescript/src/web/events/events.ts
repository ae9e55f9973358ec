// Event, CustomEvent and EventTarget of the DOM standard, for one target: there is no tree here, so nothing captures or bubbles.
import { define } from '../define.ts';

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };

interface Options {
  once?: boolean;
  passive?: boolean;
  capture?: boolean;
  signal?: { aborted: boolean; addEventListener(type: string, run: () => void): void };
}

interface Registration {
  listener: Listener;
  capture: boolean;
  once: boolean;
  removed: boolean;
}

export interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

export class Event {
  static readonly NONE = 0;
  static readonly CAPTURING_PHASE = 1;
  static readonly AT_TARGET = 2;
  static readonly BUBBLING_PHASE = 3;
  readonly type: string;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly isTrusted = false;
  readonly timeStamp = 0;
  target: unknown = null;
  currentTarget: unknown = null;
  eventPhase = 0;
  defaultPrevented = false;
  /** Set by stopImmediatePropagation. */
  stopped = false;

  constructor(type: string, init: EventInit = {}) {
    if (arguments.length === 0) throw new TypeError('new Event(…) needs a type');
    this.type = String(type);
    this.bubbles = Boolean(init.bubbles);
    this.cancelable = Boolean(init.cancelable);
    this.composed = Boolean(init.composed);
  }

  get returnValue(): boolean {
    return !this.defaultPrevented;
  }

  preventDefault(): void {
    if (this.cancelable) this.defaultPrevented = true;
  }

  stopPropagation(): void {}

  stopImmediatePropagation(): void {
    this.stopped = true;
  }

  composedPath(): unknown[] {
    return this.currentTarget === null ? [] : [this.currentTarget];
  }

  get [Symbol.toStringTag](): string {
    return 'Event';
  }
}

export class CustomEvent extends Event {
  readonly detail: unknown;

  constructor(type: string, init: EventInit & { detail?: unknown } = {}) {
    super(type, init);
    this.detail = init.detail ?? null;
  }

  override get [Symbol.toStringTag](): string {
    return 'CustomEvent';
  }
}

/** An error in a listener does not stop the others; it is reported as a rejection that nothing awaits. */
function report(error: unknown): void {
  void Promise.reject(error);
}

export class EventTarget {
  readonly #registrations = new Map<string, Registration[]>();

  addEventListener(type: string, listener: Listener | null, options: Options | boolean = {}): void {
    const given = typeof options === 'boolean' ? { capture: options } : options;
    if (listener == null || given.signal?.aborted === true) return;
    const capture = Boolean(given.capture);
    const list = this.#registrations.get(type) ?? [];
    if (list.some((one) => one.listener === listener && one.capture === capture)) return;
    list.push({ listener, capture, once: Boolean(given.once), removed: false });
    this.#registrations.set(type, list);
    given.signal?.addEventListener('abort', () => this.removeEventListener(type, listener, capture));
  }

  removeEventListener(type: string, listener: Listener | null, options: Options | boolean = {}): void {
    const capture = typeof options === 'boolean' ? options : Boolean(options.capture);
    const list = this.#registrations.get(type);
    const at = list?.findIndex((one) => one.listener === listener && one.capture === capture) ?? -1;
    if (list !== undefined && at >= 0) {
      for (const removed of list.splice(at, 1)) removed.removed = true;
    }
  }

  dispatchEvent(event: Event): boolean {
    if (!(event instanceof Event)) throw new TypeError('dispatchEvent needs an Event');
    event.target = this;
    event.currentTarget = this;
    event.eventPhase = Event.AT_TARGET;
    for (const one of [...(this.#registrations.get(event.type) ?? [])]) {
      if (one.removed) continue;
      if (one.once) this.removeEventListener(event.type, one.listener, one.capture);
      try {
        if (typeof one.listener === 'function') one.listener.call(this, event);
        else one.listener.handleEvent(event);
      } catch (error) {
        report(error);
      }
      if (event.stopped) break;
    }
    event.eventPhase = Event.NONE;
    event.currentTarget = null;
    return !event.defaultPrevented;
  }

  get [Symbol.toStringTag](): string {
    return 'EventTarget';
  }
}

define({ Event, CustomEvent, EventTarget });
