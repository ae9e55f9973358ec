// Checks the addresses that a frame sends: proxy routes below its own prefix, and paths of its own navigation. Fetches nothing.

const MAX_LENGTH = 2048;
const CONTROL = /[\u0000-\u001f\u007f]/;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const ENCODED_SEPARATOR = /%(2f|5c|00)/i;

/** Thrown for a route that is not allowed; the message is for the author of the extension. */
export class RouteRejected extends Error {}

/**
 * The same-origin address of `route` below `prefix`, as path plus query.
 * @param {string} prefix path without a trailing slash, for example "/api/ext-proxy/<registry id>"
 * @param {unknown} route from the frame: a path with an optional query; a missing leading slash is added
 * @param {string} origin origin of the console
 * @throws {RouteRejected} when the route could lead outside the prefix
 */
export function proxyAddress(prefix, route, origin) {
  if (typeof route !== "string" || route === "") throw new RouteRejected("A route is a path that starts with '/'.");
  if (route.length > MAX_LENGTH) throw new RouteRejected(`A route has at most ${MAX_LENGTH} characters.`);
  // The URL parser silently drops tabs and line ends, so "/.\t./" would become "/../".
  if (CONTROL.test(route)) throw new RouteRejected("A route has no control characters.");
  if (route.includes("\\")) throw new RouteRejected("A route has no backslash.");
  if (route.includes("#")) throw new RouteRejected("A route has no fragment.");
  if (SCHEME.test(route)) throw new RouteRejected("A route is a path, not an address with a scheme.");
  const rooted = route.startsWith("/") || route.startsWith("?") ? route : `/${route}`;
  const mark = rooted.indexOf("?");
  const path = mark < 0 ? rooted : rooted.slice(0, mark);
  const query = mark < 0 ? "" : rooted.slice(mark);
  checkPath(path);

  const resolved = new URL(prefix + path + query, origin);
  // A second check, independent of the first: whatever the URL parser makes of the text must stay below the prefix.
  const below = resolved.pathname === prefix || resolved.pathname.startsWith(`${prefix}/`);
  if (resolved.origin !== origin || !below) throw new RouteRejected("The route leaves the extension's own prefix.");
  return resolved.pathname + resolved.search;
}

function checkPath(path) {
  const segments = path.split("/").slice(1);
  segments.forEach((segment, index) => {
    if (segment === "" && index < segments.length - 1) throw new RouteRejected("A route has no empty segment ('//').");
    let text = segment;
    // A server behind this one may decode again, so every level of encoding must be harmless.
    for (;;) {
      if (text === "." || text === "..") throw new RouteRejected("A route has no '.' or '..' segment.");
      if (ENCODED_SEPARATOR.test(text)) throw new RouteRejected("A route has no encoded slash, backslash or NUL.");
      const decoded = decodeOnce(text);
      if (decoded === text) return;
      if (CONTROL.test(decoded)) throw new RouteRejected("A route has no encoded control characters.");
      text = decoded;
    }
  });
}

function decodeOnce(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RouteRejected("A route is percent-encoded UTF-8.");
  }
}

/**
 * The path that an extension navigated to, for `?path=` of the console's address; null when it is not a path.
 * @param {unknown} path
 * @returns {string | null}
 */
export function navigationPath(path) {
  if (typeof path !== "string" || path.length > MAX_LENGTH) return null;
  if (!path.startsWith("/") || path.startsWith("//") || path.includes("\\") || CONTROL.test(path)) return null;
  return path;
}
