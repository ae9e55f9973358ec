// The error of a failed host function.

/** `call` is the host function, such as `storage.get`; `code` (older name: `payload`) is the reason, such as `missing` or `denied`. */
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
