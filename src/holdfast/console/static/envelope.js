// The messages between console and frame: {alga: true, version: "1", type, request_id?, payload}. Everything else is ignored.

const MAX_ID_LENGTH = 128;

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isOptionalString = (value) => value === undefined || value === null || typeof value === "string";
const isStringMap = (value) => isObject(value) && Object.values(value).every((item) => typeof item === "string");

/** A check of the payload for each message type that a frame may send. Other types are ignored. */
const PAYLOADS = {
  ready: (payload) => payload === undefined || payload === null || isObject(payload),
  resize: (payload) => isObject(payload) && Number.isFinite(payload.height),
  navigate: (payload) => isObject(payload) && typeof payload.path === "string",
  apiproxy: (payload) =>
    isObject(payload) &&
    typeof payload.route === "string" &&
    isOptionalString(payload.method) &&
    isOptionalString(payload.body) &&
    (payload.headers === undefined || payload.headers === null || isStringMap(payload.headers)),
};

/**
 * The message in `data`, or null when it is not a valid message.
 * @param {unknown} data `event.data` of a message event
 * @returns {{type: string, requestId: string | undefined, payload: any} | null}
 */
export function readMessage(data) {
  if (!isObject(data) || data.alga !== true || data.version !== "1" || typeof data.type !== "string") return null;
  if (!Object.hasOwn(PAYLOADS, data.type)) return null;
  const requestId = data.request_id ?? undefined;
  if (requestId !== undefined && (typeof requestId !== "string" || requestId === "" || requestId.length > MAX_ID_LENGTH)) return null;
  // Without an id the frame could not match the response.
  if (data.type === "apiproxy" && requestId === undefined) return null;
  if (!PAYLOADS[data.type](data.payload)) {
    // Respond to a malformed request if possible: otherwise its author would see a timeout instead of the typo.
    return data.type === "apiproxy" ? { type: "malformed", requestId, payload: null } : null;
  }
  return { type: data.type, requestId, payload: data.payload ?? {} };
}

/** A message for the frame. */
export function envelope(type, payload, requestId) {
  return requestId === undefined ? { alga: true, version: "1", type, payload } : { alga: true, version: "1", type, request_id: requestId, payload };
}
