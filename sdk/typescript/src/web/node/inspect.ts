// util.inspect: values as Node shows them, on one line while they are short.

export interface InspectOptions {
  depth?: number | null;
  compact?: boolean | number;
  breakLength?: number;
}

const CUSTOM = Symbol.for('nodejs.util.inspect.custom');
const WIDTH = 72;

const quote = (text: string): string => {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes('`') ? '`' : "'";
  const escaped = JSON.stringify(text).slice(1, -1).replace(/\\"/g, '"');
  return mark + (mark === "'" ? escaped.replace(/'/g, "\\'") : escaped) + mark;
};

const keyText = (key: string | symbol): string => (typeof key === 'symbol' ? `[${String(key)}]` : /^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key));

function primitive(value: unknown): string | null {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'function') {
    const kind = /^class\b/.test(Function.prototype.toString.call(value)) ? 'class' : 'Function';
    return kind === 'class' ? `[class ${value.name || '(anonymous)'}]` : `[Function${value.name ? `: ${value.name}` : ' (anonymous)'}]`;
  }
  return typeof value === 'object' && value !== null ? null : String(value);
}

function layout(open: string, items: string[], close: string): string {
  if (items.length === 0) return open.trim() + close.trim();
  const line = `${open} ${items.join(', ')} ${close}`;
  if (line.length <= WIDTH && !line.includes('\n')) return line;
  return `${open}\n${items.map((item) => `  ${item.replace(/\n/g, '\n  ')}`).join(',\n')}\n${close}`;
}

class Inspector {
  readonly #seen: unknown[] = [];

  constructor(private readonly limit: number, private readonly options: InspectOptions) {}

  show(value: unknown, depth: number): string {
    const simple = primitive(value);
    if (simple !== null) return simple;
    const object = value as object;
    if (this.#seen.includes(object)) return '[Circular *1]';
    const custom = (object as { [CUSTOM]?: unknown })[CUSTOM];
    if (typeof custom === 'function') {
      const made: unknown = custom.call(object, this.limit - depth, this.options, inspect);
      return typeof made === 'string' ? made : this.show(made, depth);
    }
    this.#seen.push(object);
    const text = this.#object(object, depth);
    this.#seen.pop();
    return text;
  }

  #object(value: object, depth: number): string {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (value instanceof Error) return value.stack?.includes(value.message) ? value.stack : `${value.name}: ${value.message}`;
    const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name;
    if (depth > this.limit) return Array.isArray(value) ? '[Array]' : `[${name ?? 'Object: null prototype'}]`;
    const inner = (item: unknown): string => this.show(item, depth + 1);
    if (value instanceof Map) return layout(`Map(${value.size}) {`, [...value].map(([key, item]) => `${inner(key)} => ${inner(item)}`), '}');
    if (value instanceof Set) return layout(`Set(${value.size}) {`, [...value].map(inner), '}');
    const prefix = name === undefined ? '[Object: null prototype] ' : name === 'Object' || name === 'Array' ? '' : `${name} `;
    const members = this.#members(value, inner);
    if (Array.isArray(value)) return layout(`${prefix}[`, [...Array.from(value, inner), ...members], ']');
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return layout(`${prefix.trim()}(${(value as Uint8Array).length}) [`, Array.from(value as Uint8Array, inner), ']');
    return layout(`${prefix}{`, members, '}');
  }

  #members(value: object, inner: (item: unknown) => string): string[] {
    const indexed = Array.isArray(value) || ArrayBuffer.isView(value);
    return Reflect.ownKeys(value)
      .filter((key) => Object.prototype.propertyIsEnumerable.call(value, key) && !(indexed && /^\d+$/.test(String(key))))
      .map((key) => {
        const { get, set, value: item } = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor;
        const shown = get ? (set ? '[Getter/Setter]' : '[Getter]') : set ? '[Setter]' : inner(item);
        return `${keyText(key)}: ${shown}`;
      });
  }
}

/** Text for people; its exact form is no contract, in Node neither. */
export function inspect(value: unknown, options: InspectOptions | boolean = {}, depth?: number | null): string {
  const given = typeof options === 'boolean' ? {} : options;
  const limit = given.depth === undefined ? (depth ?? 2) : given.depth;
  return new Inspector(limit ?? Infinity, given).show(value, 0);
}

inspect.custom = CUSTOM;
inspect.defaultOptions = {};
inspect.colors = {} as Record<string, [number, number]>;
inspect.styles = {} as Record<string, string>;
