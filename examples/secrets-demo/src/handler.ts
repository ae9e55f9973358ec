import { type ExecuteResponse, type Handler, HostError, jsonResponse } from '@alga-psa/extension-runtime';
import manifest from '../manifest.json';
import type { Greeting } from './greeting';

const SECRET = 'greeting';

function problem(status: number, error: string, message: string): ExecuteResponse {
  return jsonResponse({ error, message }, { status });
}

export const handler: Handler = async (req, host) => {
  const { method, path } = req.http;
  if (method !== 'GET' || path !== '/api/greeting') return problem(404, 'not_found', `There is no ${method} ${path}.`);
  let word: string;
  try {
    word = await host.secrets.get(SECRET);
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    if (error.code === 'missing') return problem(404, 'secret_missing', `Set the secret "${SECRET}" first.`);
    return problem(500, 'secret_error', `The secret "${SECRET}" could not be read: ${error.code}.`);
  }
  // Log that a secret was used, never its value.
  await host.logging.info('Greeting sent', { secret: SECRET });
  const config = req.context.config ?? {};
  const greeting: Greeting = { message: `${word}, ${config['audience'] ?? 'everyone'}!`, path, config, build: manifest.version };
  return jsonResponse(greeting);
};
