// Which addresses a frame may ask for: proxy routes below its own prefix, and paths of its own navigation. Decides text only, fetches nothing.

const MAX_LENGTH = 2048;
const CONTROL = /[\u0000-\u001f\u007f]/;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const ENCODED_SEPARATOR = /%(2f|5c|00)/i;

/** Thrown for a route or path that is not served; its message is for the author of the extension. */
export class RouteRefused extends Error {}

/**
 * The same-origin address of `route` below `prefix`, as path plus query.
 * @param {string} prefix path without a trailing slash, for example "/api/ext-proxy/<registry id>"
 * @param {unknown} route what the frame sent: a path with an optional query; a missing leading slash is added
 * @param {string} origin origin of the console
 * @throws {RouteRefused} when the route could mean anything outside the prefix
 */
export function proxyAddress(prefix, route, origin) {
  if (typeof route !== "string" || route === "") throw new RouteRefused("A route is a path that starts with '/'.");
  if (route.length > MAX_LENGTH) throw new RouteRefused(`A route has at most ${MAX_LENGTH} characters.`);
  // The URL parser drops tabs and line ends silently, so "/.\t./" would be "/../": nothing of the kind may come near it.
  if (CONTROL.test(route)) throw new RouteRefused("A route has no control characters.");
  if (route.includes("\\")) throw new RouteRefused("A route has no backslash.");
  if (route.includes("#")) throw new RouteRefused("A route has no fragment.");
  if (SCHEME.test(route)) throw new RouteRefused("A route is a path, not an address with a scheme.");
  const rooted = route.startsWith("/") || route.startsWith("?") ? route : `/${route}`;
  const mark = rooted.indexOf("?");
  const path = mark < 0 ? rooted : rooted.slice(0, mark);
  const query = mark < 0 ? "" : rooted.slice(mark);
  checkPath(path);

  const resolved = new URL(prefix + path + query, origin);
  // Belt to the braces above: whatever a URL parser makes of the text, it has to stay below the prefix.
  const below = resolved.pathname === prefix || resolved.pathname.startsWith(`${prefix}/`);
  if (resolved.origin !== origin || !below) throw new RouteRefused("The route leaves the extension's own prefix.");
  return resolved.pathname + resolved.search;
}

function checkPath(path) {
  const segments = path.split("/").slice(1);
  segments.forEach((segment, index) => {
    if (segment === "" && index < segments.length - 1) throw new RouteRefused("A route has no empty segment ('//').");
    let text = segment;
    // Encoded once for us may be encoded twice for a server behind us: every level has to be harmless.
    for (;;) {
      if (text === "." || text === "..") throw new RouteRefused("A route has no '.' or '..' segment.");
      if (ENCODED_SEPARATOR.test(text)) throw new RouteRefused("A route has no encoded slash, backslash or NUL.");
      const decoded = decodeOnce(text);
      if (decoded === text) return;
      if (CONTROL.test(decoded)) throw new RouteRefused("A route has no encoded control characters.");
      text = decoded;
    }
  });
}

function decodeOnce(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RouteRefused("A route is percent-encoded UTF-8.");
  }
}

/**
 * The path an extension navigated to, as it may stand in `?path=` of the console's address; null when it is none.
 * @param {unknown} path
 * @returns {string | null}
 */
export function navigationPath(path) {
  if (typeof path !== "string" || path.length > MAX_LENGTH) return null;
  if (!path.startsWith("/") || path.startsWith("//") || path.includes("\\") || CONTROL.test(path)) return null;
  return path;
}
