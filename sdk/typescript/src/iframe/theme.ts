// The application's look, as CSS variables of the page.

/** Sets each variable (names such as `--alga-bg`) on the document. Names without dashes get them; what is no text is left out. */
export function applyTheme(variables: Record<string, string>, on: Document = document): void {
  for (const [name, value] of Object.entries(variables)) {
    if (typeof value === 'string') on.documentElement.style.setProperty(name.startsWith('--') ? name : `--${name}`, value);
  }
}
