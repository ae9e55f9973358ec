// The component of `holdfast dev`: it contains no handler, and loads one from the host in each call. The code is what an ordinary build puts
// into the component, so that both answer alike; only the moment at which its modules run differs.
import { encodeUtf8 } from '../bytes.ts';
import { describeError, messageOf } from '../runtime/stack.ts';

interface WireRequest {
  http: { method: string };
}
interface WireResponse {
  status: number;
  headers: { name: string; value: string }[];
  body: Uint8Array | null;
}
type Modules = Record<string, object>;
type Exports = { handler?: (request: WireRequest) => unknown };
type Program = (require: (name: string) => object, module: { exports: Exports }) => void;

/** The method of a request that loads the code and calls no handler. No HTTP request can have it. */
const LOAD_ONLY = '(load)';

function response(status: number, value?: unknown): WireResponse {
  return { status, headers: [{ name: 'content-type', value: 'application/json' }], body: value === undefined ? null : encodeUtf8(JSON.stringify(value)) };
}

function load(read: () => string, modules: Modules): Exports {
  const require = (name: string): object => {
    const found = modules[name];
    if (found === undefined) throw new Error(`The development component has no module ${name}. Run holdfast build to see whether the engine has it`);
    // Some engines give interfaces a default export, others do not.
    return { default: found, ...found, __esModule: true };
  };
  const module: { exports: Exports } = { exports: {} };
  // Indirect: the code is no part of this function, and sees global names only.
  ((0, eval)(read()) as Program)(require, module);
  return module.exports;
}

/** The component's `handler`. `read` returns the program, `modules` are those that it may import; `log` and `write` report an error. */
export function loader(read: () => string, modules: Modules, log: (line: string) => void, write: (bytes: Uint8Array) => void) {
  return (request: WireRequest): unknown => {
    const loadOnly = request.http.method === LOAD_ONLY;
    let program: Exports;
    try {
      program = load(read, modules);
    } catch (error) {
      const text = describeError(error);
      if (loadOnly) return response(500, { error: text });
      for (const report of [() => log(text), () => write(encodeUtf8(`${text}\n`))]) {
        try {
          report();
        } catch {
          // The host may deny either one; the response still says that the handler failed.
        }
      }
      return response(500, { error: 'handler_failed', message: messageOf(error) });
    }
    return loadOnly ? response(204) : program.handler!(request);
  };
}
