// Puts web standards where every program looks for them: on globalThis, as the platform's own values are.

/** Defines each value as a global that programs may replace and that loops over globalThis do not show, as Web IDL specifies. */
export function define(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    // The bundler renames what has the name of a global; programs and people look at the names of classes.
    if (typeof value === 'function' && value.name !== name) Object.defineProperty(value, 'name', { value: name, configurable: true });
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}
