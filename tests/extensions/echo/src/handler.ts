import { type Handler, jsonResponse } from '@alga-psa/extension-runtime';

/** Answers what it was asked. */
export const handler: Handler = async (req) => {
  const { method, url, path, headers, body } = req.http;
  let binary = '';
  for (const byte of body ?? []) binary += String.fromCharCode(byte);
  return jsonResponse({ method, url, path, headers, body: body == null ? null : btoa(binary), context: req.context });
};
