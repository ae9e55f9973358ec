// The error that a refused host call rejects with.

/** `code` (also `payload`, its older name) is the case the world names, such as `missing` or `denied`; `call` is such as `storage.get`. */
export class HostError extends Error {
  readonly code: string;
  readonly payload: string;
  readonly call: string;

  constructor(call: string, code: string, hint?: string) {
    super(hint === undefined ? `${call}: ${code}` : `${call}: ${code}. ${hint}`);
    this.name = 'HostError';
    this.code = code;
    this.payload = code;
    this.call = call;
  }
}
