import { jsonResponse } from '@alga-psa/extension-runtime';
import { answers } from './cases.ts';

export const handler = async (req: { http: { query: Record<string, string> } }) => jsonResponse(answers(req.http.query.group ?? ''));
