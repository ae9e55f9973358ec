// The calls that a frame makes through the console to its own extension's API: checked, limited, each with exactly one response.

import { fromBase64, toBase64 } from "./base64.js";
import { proxyAddress, RouteRejected } from "./routes.js";

const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);
const SENT_HEADERS = new Set(["accept", "content-type", "x-idempotency-key", "x-request-id"]);
const RETURNED_HEADERS = ["content-type", "x-request-id"];
const HEADER_VALUE = /^[\x20-\x7e]{0,256}$/;
const MAX_BODY_BYTES = 10 * 1024 * 1024;
const MAX_ERROR_TEXT = 4096;

export const MAX_IN_FLIGHT = 16;
export const TIMEOUT_MS = 35_000; // above the gateway's own 30 s, so that its response arrives first

/** Thrown for a call that cannot be made; the message is for the author of the extension. */
class CallRejected extends Error {}

/** The calls of one frame. */
export class ProxyCalls {
  #prefix;
  #origin;
  #timeoutMs;
  #fetch;
  #running = new Set();

  /** @param {{extensionId: string, origin: string, timeoutMs?: number, fetch?: typeof fetch}} options */
  constructor({ extensionId, origin, timeoutMs = TIMEOUT_MS, fetch: send = (...args) => fetch(...args) }) {
    this.#prefix = `/api/ext-proxy/${encodeURIComponent(extensionId)}`;
    this.#origin = origin;
    this.#timeoutMs = timeoutMs;
    this.#fetch = send;
  }

  /**
   * Makes one call. Never rejects.
   * @param {{route: string, method?: string, body?: string, headers?: Record<string, string>}} request body in base64
   * @returns {Promise<{status?: number, headers?: Record<string, string>, body?: string, error?: string}>} the payload of the response
   */
  async call(request) {
    if (this.#running.size >= MAX_IN_FLIGHT) {
      return { error: `Too many proxy requests at once: at most ${MAX_IN_FLIGHT} may wait for a response.` };
    }
    const controller = new AbortController();
    this.#running.add(controller);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      controller.abort();
    }, this.#timeoutMs);
    try {
      return await this.#send(request, controller.signal);
    } catch (error) {
      if (error instanceof RouteRejected || error instanceof CallRejected) return { error: error.message };
      if (timedOut) return { error: `Proxy request timed out after ${this.#timeoutMs / 1000} s.` };
      if (controller.signal.aborted) return { error: "Proxy request was cancelled: the extension page was closed." };
      return { error: `Proxy request failed: ${error instanceof Error ? error.message : String(error)}` };
    } finally {
      clearTimeout(timer);
      this.#running.delete(controller);
    }
  }

  /** Cancels all pending calls. */
  cancel() {
    for (const controller of this.#running) controller.abort();
  }

  async #send(request, signal) {
    // The first SDKs sent no method; they meant POST.
    const method = (request.method ?? "").trim().toUpperCase() || "POST";
    if (!METHODS.has(method)) throw new CallRejected(`Unsupported proxy method: ${method.slice(0, 32)}`);
    const address = proxyAddress(this.#prefix, request.route, this.#origin);
    const body = readBody(request.body, method);
    const response = await this.#fetch(address, {
      method,
      headers: allowedHeaders(request.headers, body),
      body,
      signal,
      cache: "no-store",
      credentials: "same-origin",
      mode: "same-origin",
      redirect: "manual",
    });
    if (response.type === "opaqueredirect") throw new CallRejected("The extension responded with a redirect, which the console does not follow.");
    return readResponse(response);
  }
}

function readBody(text, method) {
  if (text === undefined || text === null || text === "") return undefined;
  if (method === "GET") throw new CallRejected("GET requests cannot include a body");
  if (text.length > Math.ceil(MAX_BODY_BYTES / 3) * 4) throw new CallRejected(`A request body has at most ${MAX_BODY_BYTES} bytes.`);
  try {
    return fromBase64(text);
  } catch {
    throw new CallRejected("A request body must be base64.");
  }
}

function allowedHeaders(given, body) {
  const headers = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    const lower = name.toLowerCase();
    if (SENT_HEADERS.has(lower) && HEADER_VALUE.test(value)) headers[lower] = value;
  }
  if (body !== undefined) headers["content-type"] ??= "application/octet-stream";
  return headers;
}

async function readResponse(response) {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > MAX_BODY_BYTES) throw new CallRejected(`The response is larger than ${MAX_BODY_BYTES} bytes.`);
  const headers = {};
  for (const name of RETURNED_HEADERS) {
    const value = response.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const result = { status: response.status, headers, body: toBase64(bytes) };
  if (!response.ok) {
    // Frames built for the first bridge recognise an error only by this text.
    result.error = `Proxy error ${response.status}: ${new TextDecoder().decode(bytes).slice(0, MAX_ERROR_TEXT)}`;
  }
  return result;
}
