import { jsonResponse } from '@alga-psa/extension-runtime';
import { exact } from './cases/exact.ts';
import { GROUPS } from './groups.ts';
import { runAll } from './run.ts';

interface Call {
  http: { url: string; query: Record<string, string> };
}

export async function handler(req: Call) {
  const group = req.http.query.group ?? '';
  return jsonResponse(await runAll(group === 'exact' ? exact(req.http.url) : (GROUPS[group] ?? {})));
}
