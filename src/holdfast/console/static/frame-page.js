// The page around an extension's frame: loading, what went wrong and what to do, and the console's address following the frame.

import { connectFrame } from "./bridge.js";

const ADVICE = {
  __proto__: null, // the code comes from a server; only what is listed here is one
  archive_hash_mismatch: "The stored bundle is not the one that was installed. Install the extension again.",
  extract_failed: "The bundle could not be unpacked. Pack it again with “holdfast pack” and install it again.",
  bundle_not_found: "The bundle is missing from the bundle store. Install the extension again.",
  bad_gateway: "The runner does not answer. The platform starts it again by itself: try again in a moment. Its log says why it stopped.",
  gateway_timeout: "The runner took too long to answer. Try again in a moment.",
  bundle_store_unavailable: "The bundle store does not answer. See that it is there and that BUNDLE_STORE_BASE names it, then try again.",
  runner_unreachable: "The runner does not answer. The platform starts it again by itself: try again in a moment. Its log says why it stopped.",
  runner_timeout: "The runner took too long to answer. Try again in a moment.",
};
const ADVICE_BY_STATUS = {
  401: "Your session has ended. Log in again.",
  404: "The runner has no page for this version. Does the bundle contain ui/index.html? Then install it again.",
  502: "The runner does not answer. The platform starts it again by itself: try again in a moment. Its log says why it stopped.",
  504: "The runner took too long to answer. Try again in a moment.",
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
  failure.querySelector("[data-failure-advice]").textContent = ADVICE[code] ?? hint ?? ADVICE_BY_STATUS[status] ?? "The platform's log says what happened.";
  show("failed");
}

/** Fetches the frame's document once before the frame does, because an iframe does not say why it stayed empty. */
async function probe(address) {
  const sameOrigin = address.origin === location.origin;
  let response;
  try {
    response = await fetch(address, { credentials: sameOrigin ? "same-origin" : "omit", mode: sameOrigin ? "same-origin" : "no-cors" });
  } catch {
    fail("runner_unreachable", `Nothing answers at ${address.origin}.`, 502);
    return false;
  }
  // Another origin tells no-cors readers nothing but that it answered.
  if (!sameOrigin || response.ok) return true;
  const said = await reason(response);
  fail(said.code, said.message, response.status, said.hint);
  return false;
}

async function reason(response) {
  const fallback = { code: `http_${response.status}`, message: `The extension's page was answered with status ${response.status}.` };
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
    // Browsers limit how often a page may do this. The address is a convenience; the next change sets it.
  }
}

function start() {
  const { extensionId, tenantId, path, src } = stage.dataset;
  const address = new URL(src, location.origin);
  address.searchParams.set("parentOrigin", location.origin);
  connectFrame({ iframe, extensionId, tenantId, path, onReady: () => show("shown"), onNavigate: followPath });
  stage.querySelector("[data-retry]").addEventListener("click", () => open(address));
  open(address);
}

async function open(address) {
  show("loading");
  if (!(await probe(address))) return;
  // The listener comes after the frame's first, empty document has loaded, and before its real one is asked for.
  iframe.addEventListener("load", () => show("shown"), { once: true });
  iframe.src = address.href;
}

start();
