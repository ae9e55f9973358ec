// The target of the current request: the path with its query as the caller sent it, and the absolute URL that it stands for.

/** The origin of requests whose host does not say one. Never the Host header: any caller can write what it likes there. */
const DEFAULT_ORIGIN = 'http://localhost';

let origin = DEFAULT_ORIGIN;
let target: string | undefined;

export const requestTarget = {
  set(url: string, from: string | undefined): void {
    target = url;
    origin = from ?? DEFAULT_ORIGIN;
  },

  /** The absolute URL of `url` if it is exactly the target of the current request; `url` itself otherwise. */
  absolute(url: string): string {
    return url === target && url.startsWith('/') ? origin + url : url;
  },
};
