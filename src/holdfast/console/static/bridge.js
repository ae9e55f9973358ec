// The host side of the iframe SDK: handles the messages that an extension's frame may send, and no others.
//
// The frame is sandboxed without allow-same-origin, so its origin is opaque. Two consequences:
//   - Its messages arrive with the origin "null", which every sandboxed frame has. Only event.source identifies it: the window object
//     of this iframe. The bridge checks both, then the envelope, then the payload.
//   - A message to it cannot name its origin; "*" is the only target origin that reaches it. This is safe because postMessage
//     delivers to that one window and to no other, because the page's frame-src lets no document but this extension's own bundle load
//     in that window, and because the bridge sends nothing secret: no token, no cookie, only colours, the frame's own path, its tenant
//     and extension id, and responses of its own API. The bridge compares the window again before each message.

import { envelope, readMessage } from "./envelope.js";
import { ProxyCalls } from "./proxy.js";
import { navigationPath } from "./routes.js";
import { onThemeChange, themeTokens } from "./theme.js";

export const MIN_HEIGHT = 100;
export const MAX_HEIGHT = 4000;

/**
 * Connects a frame to the console.
 * @param {object} options
 * @param {HTMLIFrameElement} options.iframe
 * @param {string} options.extensionId registry id, the prefix of the frame's API
 * @param {string} options.tenantId
 * @param {string} options.path the path inside the extension at which the page was opened
 * @param {() => void} [options.onReady] called on each `ready`
 * @param {(path: string) => void} [options.onNavigate] called with each path that the frame reports
 * @param {number} [options.timeoutMs] of one proxy call
 * @returns {() => void} ends the connection and cancels pending calls
 */
export function connectFrame({ iframe, extensionId, tenantId, path, onReady = () => {}, onNavigate = () => {}, timeoutMs }) {
  const calls = new ProxyCalls({ extensionId, origin: location.origin, timeoutMs });
  let current = path;
  let connected = true;

  const post = (to, type, payload, requestId) => {
    if (!connected || !iframe.isConnected || iframe.contentWindow !== to || to === null) return;
    to.postMessage(envelope(type, payload, requestId), "*");
  };

  const handlers = {
    ready: (message, from) => {
      const tokens = themeTokens();
      const bootstrap = {
        // The shape that the SDK reads. The token is empty: the frame never calls the server itself, the bridge does.
        session: { token: "", expires_at: "" },
        theme_tokens: tokens,
        navigation: { path: current },
        context: { tenantId, extensionId },
      };
      post(from, "bootstrap", bootstrap, message.requestId);
      post(from, "theme", tokens);
      onReady();
    },
    resize: ({ payload }) => {
      const height = Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, Math.floor(payload.height)));
      iframe.style.height = `${height}px`;
    },
    navigate: ({ payload }) => {
      const next = navigationPath(payload.path);
      if (next === null) return;
      current = next;
      onNavigate(next);
    },
    apiproxy: async ({ requestId, payload }, from) => {
      post(from, "apiproxy_response", await calls.call(payload), requestId);
    },
    malformed: ({ requestId }, from) => {
      const error = "A proxy request is {route: string, method?: string, body?: base64 string, headers?: map of strings}.";
      post(from, "apiproxy_response", { error }, requestId);
    },
  };

  const onMessage = (event) => {
    // Both contentWindow and event.source are null once the frame is removed; null must not match null.
    if (event.source === null || event.source !== iframe.contentWindow || event.origin !== "null") return;
    const message = readMessage(event.data);
    if (message !== null) handlers[message.type](message, event.source);
  };

  addEventListener("message", onMessage);
  const endTheme = onThemeChange(() => post(iframe.contentWindow, "theme", themeTokens()));
  return () => {
    removeEventListener("message", onMessage);
    endTheme();
    connected = false;
    calls.cancel();
  };
}
