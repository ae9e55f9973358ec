// In development: keeps the page around an extension in step with `holdfast dev`.
//
//   event `state` ──▶ building: the indicator    failed: the overlay    ready: what has changed?
//                                                                          │ style sheets only ──▶ replaced inside the frame
//                                                                          │ anything of the page ─▶ only the frame loads again
//                                                                          └ only the handler ────▶ nothing
//
// The overlay is in this document, not in the frame: the frame stays sandboxed, and a broken page cannot hide it. Text only, never markup.

const RECONNECT_MS = 1000;
const MAX_RECONNECT_MS = 30000;
const STYLES_TIMEOUT_MS = 1500;

const stage = document.querySelector("[data-frame-stage]");
const iframe = stage.querySelector("iframe");
const overlay = document.querySelector("[data-development-overlay]");
const indicator = document.querySelector("[data-development-state]");
const HASH = /sha256(?::|%3A)[0-9a-f]{64}/i;

let source = null;
let shown = { hash: stage.dataset.contentHash, pages: stage.dataset.pages || null, styles: JSON.parse(stage.dataset.styles || "{}") };
let dismissed = ""; // the failure that Escape closed
let current = "";
let returnFocus = null;
let pause = RECONNECT_MS;

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function place(problem) {
  return [problem.file, problem.line, problem.column].filter((part) => part !== null && part !== undefined).join(":");
}

function showFailure(state) {
  const failure = JSON.stringify([state.title, state.problems, state.hint]);
  if (failure === dismissed || failure === current) return;
  current = failure;
  const problems = state.problems.map((problem) => {
    const item = element("li", "development-problem", "");
    if (problem.file) item.append(element("code", "development-place", place(problem)));
    item.append(element("p", "development-text", problem.text));
    if (problem.frame) item.append(element("pre", "development-code", problem.frame));
    return item;
  });
  overlay.querySelector("[data-title]").textContent = state.title || "The build failed.";
  overlay.querySelector("[data-problems]").replaceChildren(...problems);
  const hint = overlay.querySelector("[data-hint]");
  hint.textContent = state.hint ?? "";
  hint.hidden = !state.hint;
  if (overlay.hidden) returnFocus = document.activeElement;
  overlay.hidden = false;
  overlay.focus({ preventScroll: true });
}

function hideFailure() {
  current = "";
  if (overlay.hidden) return;
  const hadFocus = overlay.contains(document.activeElement);
  overlay.hidden = true;
  if (hadFocus && returnFocus instanceof HTMLElement && returnFocus.isConnected) returnFocus.focus({ preventScroll: true });
}

function dismiss() {
  dismissed = current;
  hideFailure();
}

/** The address of the frame's document in the bundle with this hash, at the path that the frame shows now. */
function documentOf(hash) {
  const address = new URL(stage.dataset.src.replace(HASH, encodeURIComponent(hash)), location.origin);
  address.searchParams.set("path", new URL(location.href).searchParams.get("path") ?? "/");
  address.searchParams.set("parentOrigin", location.origin);
  return address;
}

function reloadFrame(state) {
  if (!("developed" in stage.dataset)) {
    // Rendered before `holdfast dev` began: the policy of this document allows only the bundle of that time.
    location.reload();
    return;
  }
  stage.dataset.src = stage.dataset.src.replace(HASH, encodeURIComponent(state.contentHash));
  stage.dispatchEvent(new CustomEvent("holdfast:reload", { detail: documentOf(state.contentHash).href }));
}

/** Replaces style sheets inside the frame, by the script that the gateway adds to its document. Loads the frame again if that fails. */
function replaceStyles(state, names) {
  const address = documentOf(state.contentHash);
  const folder = new URL(address.pathname.slice(0, address.pathname.search(HASH)) + encodeURIComponent(state.contentHash) + "/", address);
  const done = (event) => {
    if (event.source === null || event.source !== iframe.contentWindow || event.data?.type !== "holdfast:styles-replaced") return;
    finish();
  };
  const timer = setTimeout(() => {
    finish();
    reloadFrame(state);
  }, STYLES_TIMEOUT_MS);
  const finish = () => {
    clearTimeout(timer);
    removeEventListener("message", done);
  };
  addEventListener("message", done);
  stage.dataset.src = stage.dataset.src.replace(HASH, encodeURIComponent(state.contentHash));
  // "*" reaches the opaque origin of the frame. Addresses of its own files are all that it learns.
  iframe.contentWindow?.postMessage({ type: "holdfast:replace-styles", folder: folder.href, names }, "*");
}

function follow(state) {
  const { contentHash: hash, pages, styles } = state;
  if (!hash || stage.dataset.pageUrl) return;
  const before = shown;
  shown = { hash, pages, styles };
  if (hash === before.hash && before.pages === null) return; // rendered from this bundle, before `holdfast dev` began
  if (pages !== before.pages || Object.keys(styles).sort().join() !== Object.keys(before.styles).sort().join()) {
    reloadFrame(state);
    return;
  }
  const changed = Object.keys(styles).filter((name) => styles[name] !== before.styles[name]);
  if (changed.length > 0) replaceStyles(state, changed);
}

function apply(state) {
  // The policy of this document names what it may frame: another address of the page needs a new document.
  if ((state?.pageUrl ?? "") !== (stage.dataset.pageUrl ?? "") && (state === null || state.status === "ready")) {
    location.reload();
    return;
  }
  stage.dataset.development = state?.status ?? "";
  indicator.hidden = state?.status !== "building";
  if (state === null || state.status === "ready") {
    dismissed = "";
    hideFailure();
  }
  if (state?.status === "failed") showFailure(state);
  if (state?.status === "ready") follow(state);
}

function connect() {
  source = new EventSource(`/api/ext-dev/events?extensionId=${encodeURIComponent(stage.dataset.extensionId)}`);
  source.addEventListener("state", (event) => {
    pause = RECONNECT_MS;
    apply(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    // The browser reconnects after a broken connection, but not after an error status; then this page does.
    if (source?.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, MAX_RECONNECT_MS);
  });
}

// Browsers open six connections to a host. A hidden tab needs none: the first event of a new connection is the state.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close();
    source = null;
  } else if (source === null) {
    connect();
  }
});
overlay.querySelector("[data-close]").addEventListener("click", dismiss);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !overlay.hidden) dismiss();
});

if (!document.hidden) connect();
