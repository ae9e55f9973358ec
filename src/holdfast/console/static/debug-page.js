// The live debug page: connects to the event stream, reconnects, and shows the events that match the filter. Text only, never markup,
// because an extension may log anything.
//
//   event --> waiting --(every 50 ms, unless paused)--> log --(matches the filter)--> row

import { EventLog, matches, readEvent } from "./event-log.js";

const RECONNECT_MS = 3000;

const page = document.querySelector("[data-debug]");
const find = (name) => page.querySelector(`[data-${name}]`);
const list = find("events");
const controls = { level: find("level"), request: find("request"), streams: find("streams") };
const filter = { level: "trace", hidden: new Set(), requestId: "" };
const log = new EventLog();
const rows = new Map(); // event → its row, for events that are shown
let waiting = []; // arrived since the last flush, or while paused
let paused = false;
let scheduled = false;

function cell(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

function clock(ts) {
  const time = new Date(ts);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

function row(event) {
  const item = document.createElement("li");
  item.className = "event";
  item.dataset.level = event.level;
  const time = document.createElement("time");
  time.dateTime = new Date(event.ts).toISOString();
  time.textContent = clock(event.ts);
  const request = document.createElement("button");
  request.type = "button";
  request.className = "event-request";
  request.textContent = event.requestId.slice(0, 8);
  request.title = `Only request ${event.requestId}`;
  request.dataset.requestId = event.requestId;
  request.hidden = event.requestId === "";
  const message = cell("event-message", event.message);
  if (event.truncated) message.append(cell("event-truncated", "cut off"));
  item.append(time, cell("event-level", event.level), cell("event-stream", event.stream), request, message);
  return item;
}

function addStreamFilter(name) {
  const known = [...controls.streams.querySelectorAll("input")].some((input) => input.value === name);
  if (known) return;
  const label = document.createElement("label");
  const input = document.createElement("input");
  label.className = "toggle";
  input.type = "checkbox";
  input.value = name;
  input.checked = true;
  label.append(input, cell("", name));
  controls.streams.append(label);
}

function showCounts() {
  find("count").textContent = `${rows.size} shown, ${log.events.length} stored`;
  find("empty").hidden = log.events.length > 0;
  find("nothing-matches").hidden = log.events.length === 0 || rows.size > 0;
  find("pause").textContent = paused ? (waiting.length > 0 ? `Resume (${waiting.length} new)` : "Resume") : "Pause";
  find("pause").setAttribute("aria-pressed", String(paused));
}

function flush() {
  scheduled = false;
  if (paused) {
    showCounts();
    return;
  }
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const added = document.createDocumentFragment();
  for (const event of waiting) {
    const { added: isNew, dropped } = log.add(event);
    if (dropped !== null) {
      rows.get(dropped)?.remove();
      rows.delete(dropped);
    }
    if (!isNew) continue;
    addStreamFilter(event.stream);
    if (!matches(filter, event)) continue;
    const item = row(event);
    rows.set(event, item);
    added.append(item);
  }
  waiting = [];
  list.append(added);
  if (atEnd) list.scrollTop = list.scrollHeight;
  showCounts();
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  // A timer, not an animation frame: a background tab gets no frames, and without a flush its memory would grow.
  setTimeout(flush, 50);
}

function rerender() {
  rows.clear();
  const shown = log.events.filter((event) => matches(filter, event)).map((event) => {
    const item = row(event);
    rows.set(event, item);
    return item;
  });
  list.replaceChildren(...shown);
  list.scrollTop = list.scrollHeight;
  showCounts();
}

function showState(state, text) {
  const badge = find("connection");
  badge.dataset.state = state;
  badge.textContent = text;
}

function connect() {
  const source = new EventSource(`/api/ext-debug/stream?extensionId=${encodeURIComponent(page.dataset.extensionId)}`);
  source.addEventListener("open", () => showState("live", "Live"));
  source.addEventListener("message", (message) => {
    const event = readEvent(message.lastEventId, message.data);
    if (event === null) return;
    waiting.push(event);
    // While paused, the same bound applies to events that arrive.
    if (waiting.length > 4000) waiting = waiting.slice(-2000);
    schedule();
  });
  source.addEventListener("error", () => {
    showState("reconnecting", "Reconnecting…");
    // The browser reconnects after a broken connection, but not after an error status; then this page does.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS);
  });
}

function setRequest(requestId) {
  filter.requestId = requestId.trim();
  const address = new URL(location.href);
  if (filter.requestId === "") address.searchParams.delete("requestId");
  else address.searchParams.set("requestId", filter.requestId);
  history.replaceState(null, "", address);
  rerender();
}

controls.level.addEventListener("change", () => {
  filter.level = controls.level.value;
  rerender();
});
controls.streams.addEventListener("change", (change) => {
  if (change.target.checked) filter.hidden.delete(change.target.value);
  else filter.hidden.add(change.target.value);
  rerender();
});
controls.request.addEventListener("input", () => setRequest(controls.request.value));
list.addEventListener("click", (click) => {
  const button = click.target.closest("[data-request-id]");
  if (button === null) return;
  controls.request.value = button.dataset.requestId;
  setRequest(button.dataset.requestId);
});
find("toolbar").addEventListener("submit", (submit) => submit.preventDefault());
find("pause").addEventListener("click", () => {
  paused = !paused;
  flush();
});
find("clear").addEventListener("click", () => {
  waiting = [];
  log.clear();
  rerender();
});

controls.request.value = new URL(location.href).searchParams.get("requestId") ?? "";
filter.requestId = controls.request.value.trim();
filter.level = controls.level.value; // browsers restore a select's choice after a reload
showCounts();
connect();
