// The page around an extension's frame: shows that it loads, why it failed and what to do, and keeps the address in step with the frame.
//
//   loading --(ready message, or the document has loaded)--> shown
//      ^  \--(the probe got an error)--> failed
//      \------------(Try again)------------/

import { connectFrame } from "./bridge.js";

const ADVICE = {
  __proto__: null, // the code comes from a server, and must not match a property of Object.prototype
  archive_hash_mismatch: "The stored bundle differs from the installed one. Install the extension again.",
  extract_failed: "The runner failed to fetch or unpack the bundle. Install the extension again. If that fails too, pack it again with “holdfast pack”.",
  bundle_not_found: "The bundle is missing from the bundle store. Install the extension again.",
  bad_gateway: "The runner is unreachable. The platform restarts it: try again in a moment. Look in its log for the reason.",
  gateway_timeout: "The runner took too long to respond. Try again in a moment.",
  bundle_store_unavailable: "The bundle store is unreachable. Check that it runs and that BUNDLE_STORE_BASE is its address, then try again.",
  runner_unreachable: "The runner is unreachable. The platform restarts it: try again in a moment. Look in its log for the reason.",
  runner_timeout: "The runner took too long to respond. Try again in a moment.",
};
const ADVICE_BY_STATUS = {
  401: "Your session has ended. Log in again.",
  404: "The runner has no page for this version. Check that the bundle contains ui/index.html, then install it again.",
  502: "The runner is unreachable. The platform restarts it: try again in a moment. Look in its log for the reason.",
  504: "The runner took too long to respond. Try again in a moment.",
};

const stage = document.querySelector("[data-frame-stage]");
const iframe = stage.querySelector("iframe");
const loading = stage.querySelector("[data-overlay=loading]");
const failure = stage.querySelector("[data-overlay=failure]");

function show(state) {
  stage.dataset.state = state;
  stage.setAttribute("aria-busy", String(state === "loading"));
  loading.hidden = state !== "loading";
  failure.hidden = state !== "failed";
  iframe.inert = state === "failed";
}

function fail(code, message, status, hint) {
  failure.querySelector("[data-failure-code]").textContent = code;
  failure.querySelector("[data-failure-message]").textContent = message;
  failure.querySelector("[data-failure-advice]").textContent = ADVICE[code] ?? hint ?? ADVICE_BY_STATUS[status] ?? "Look in the platform's log for the reason.";
  show("failed");
}

/** Fetches the frame's document once before the frame does, because an iframe does not report why it stayed empty. */
async function probe(address) {
  const sameOrigin = address.origin === location.origin;
  let response;
  try {
    response = await fetch(address, { credentials: sameOrigin ? "same-origin" : "omit", mode: sameOrigin ? "same-origin" : "no-cors" });
  } catch {
    fail("runner_unreachable", `No server responds at ${address.origin}.`, 502);
    return false;
  }
  // A no-cors response of another origin reveals only that the server responded.
  if (!sameOrigin || response.ok) return true;
  const error = await readError(response);
  fail(error.code, error.message, response.status, error.hint);
  return false;
}

async function readError(response) {
  const fallback = { code: `http_${response.status}`, message: `The server responded with status ${response.status}.` };
  try {
    const body = JSON.parse((await response.text()).slice(0, 4096));
    const code = [body.code, body.details?.code, body.error].find((value) => typeof value === "string" && /^[A-Za-z0-9_]{1,64}$/.test(value));
    const text = (value, otherwise) => (typeof value === "string" ? value : otherwise);
    return { code: code ?? fallback.code, message: text(body.message, fallback.message), hint: text(body.hint, undefined) };
  } catch {
    return fallback;
  }
}

function followPath(path) {
  const address = new URL(location.href);
  if (path === "/") address.searchParams.delete("path");
  else address.searchParams.set("path", path);
  try {
    history.replaceState(history.state, "", address);
  } catch {
    // Browsers limit how often a page may do this. The address is only a convenience, and the next change updates it.
  }
}

function start() {
  const { extensionId, tenantId, path, src } = stage.dataset;
  const address = new URL(src, location.origin);
  address.searchParams.set("parentOrigin", location.origin);
  connectFrame({ iframe, extensionId, tenantId, path, onReady: () => show("shown"), onNavigate: followPath });
  stage.querySelector("[data-retry]").addEventListener("click", () => open(address));
  stage.addEventListener("holdfast:reload", (event) => reload(event.detail));
  open(address);
}

/** Shows another document of the extension in the frame, in development. It adds nothing to the history of the tab. */
function reload(href) {
  if (stage.dataset.state !== "shown") {
    open(new URL(href));
    return;
  }
  iframe.contentWindow.location.replace(href);
}

async function open(address) {
  show("loading");
  if (!(await probe(address))) return;
  // Add the listener after the frame's initial empty document has loaded, and before it requests the real one.
  iframe.addEventListener("load", () => show("shown"), { once: true });
  iframe.src = address.href;
}

start();
