// The application's theme, as CSS variables of the page.

/** Sets each variable (such as `--alga-bg`) on the document. Adds `--` to a name without it; ignores values that are not text. */
export function applyTheme(variables: Record<string, string>, on: Document = document): void {
  for (const [name, value] of Object.entries(variables)) {
    if (typeof value === 'string') on.documentElement.style.setProperty(name.startsWith('--') ? name : `--${name}`, value);
  }
}
