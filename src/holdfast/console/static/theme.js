// The colours that a frame gets: the variables of the console's own stylesheet.

export const THEME_VARIABLES = [
  "primary", "primary-foreground", "primary-light", "primary-dark", "primary-50", "primary-100",
  "secondary", "secondary-foreground", "secondary-light", "accent", "accent-foreground",
  "danger", "danger-dark", "fg", "muted-fg", "border", "border-light", "bg", "card-bg", "muted",
  "row-even", "row-odd", "row-hover", "primary-soft", "primary-soft-fg", "primary-soft-hover", "primary-border",
  "success", "warning", "radius", "ring",
].map((name) => `--alga-${name}`);

/** The variables with their current values, light or dark. @returns {Record<string, string>} */
export function themeTokens(root = document.documentElement) {
  const style = getComputedStyle(root);
  return Object.fromEntries(THEME_VARIABLES.map((name) => [name, style.getPropertyValue(name).trim()]));
}

/** Calls `listener` when the colours change. Returns a function that ends that. */
export function onThemeChange(listener) {
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}
