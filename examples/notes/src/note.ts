// The type of a note, and the validation of its text.

export interface Note {
  id: string;
  text: string;
  author: string | null;
  /** ISO 8601, UTC */
  createdAt: string;
}

export const MAX_LENGTH = 500;

/** The text of `{"text": …}` or `{"data": …}`. */
export function readText(body: unknown): { text: string } | { problem: string } {
  if (typeof body !== 'object' || body === null) return { problem: 'Send a JSON object such as {"text": "Call back at noon"}.' };
  const { text, data } = body as { text?: unknown; data?: unknown };
  const given = text ?? data;
  if (typeof given !== 'string' || given.trim() === '') return { problem: 'text must not be empty.' };
  if (given.length > MAX_LENGTH) return { problem: `text must be at most ${MAX_LENGTH} characters.` };
  return { text: given.trim() };
}
