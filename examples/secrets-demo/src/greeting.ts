// What the handler answers and the page shows.

export interface Greeting {
  message: string;
  /** The path of the request. */
  path: string;
  /** The settings of the install; secrets are not among them. */
  config: Record<string, unknown>;
  /** The version of the extension. */
  build: string;
}
