import { type Handler, jsonResponse } from '@alga-psa/extension-runtime';

function fail(): never {
  throw new Error('this handler always fails');
}

/** Fails in the way the path names. */
export const handler: Handler = async (req, host) => {
  switch (req.http.path) {
    case '/ok':
      return jsonResponse({ ok: true });
    case '/throw':
      await null;
      return fail();
    case '/loop':
      for (;;);
    case '/sleep':
      await new Promise((resolve) => setTimeout(resolve, 3_600_000));
      return jsonResponse({ ok: true });
    case '/memory': {
      const held: Uint8Array[] = [];
      for (;;) held.push(new Uint8Array(1 << 20).fill(held.length + 1));
    }
    case '/logs':
      for (let line = 1; line <= 5; line++) await host.logging.emit({ level: 'info', message: `line ${line}`, fields: { line } });
      return jsonResponse({ lines: 5 });
    default:
      return jsonResponse({ error: 'not_found' }, { status: 404 });
  }
};
