import { type Handler, jsonResponse } from '@holdfast/sdk';

/** Serves the endpoints that manifest.json declares. Every call runs in a fresh instance; what must last goes into storage. */
export const handler: Handler = async (req, host) => {
  const { method, path } = req.http;
  if (path !== '/visits') return jsonResponse({ error: 'not_found', message: `There is no ${method} ${path}.` }, { status: 404 });
  let visits = (await host.storage.getJson<number>('visits', 'total')) ?? 0;
  if (method === 'POST') {
    visits += 1;
    await host.storage.putJson('visits', 'total', visits);
    await host.logging.info('Visit counted', { visits });
  }
  return jsonResponse({ visits });
};
