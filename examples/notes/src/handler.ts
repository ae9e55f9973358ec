import { type ExecuteResponse, type Handler, type HostBindings, HostError, emptyResponse, jsonResponse } from '@alga-psa/extension-runtime';
import { type Note, readText } from './note';

const NAMESPACE = 'notes';

function problem(status: number, error: string, message: string): ExecuteResponse {
  return jsonResponse({ error, message }, { status });
}

/** The caller's name. Calls with an API key, from a schedule or a webhook have no user. */
async function authorName(host: HostBindings): Promise<string | null> {
  try {
    return (await host.user.getUser()).userName;
  } catch (error) {
    if (error instanceof HostError) return null;
    throw error;
  }
}

async function listNotes(host: HostBindings): Promise<ExecuteResponse> {
  const entries = await host.storage.list(NAMESPACE);
  const notes = entries.map((entry) => JSON.parse(new TextDecoder().decode(entry.value)) as Note);
  notes.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  return jsonResponse({ notes, count: notes.length });
}

async function addNote(body: unknown, host: HostBindings): Promise<ExecuteResponse> {
  const read = readText(body);
  if ('problem' in read) return problem(400, 'validation_failed', read.problem);
  const note: Note = { id: crypto.randomUUID(), text: read.text, author: await authorName(host), createdAt: new Date().toISOString() };
  await host.storage.putJson(NAMESPACE, note.id, note);
  await host.logging.info('Note added', { id: note.id, length: note.text.length });
  return jsonResponse(note, { status: 201 });
}

async function deleteNote(id: string, host: HostBindings): Promise<ExecuteResponse> {
  if ((await host.storage.get(NAMESPACE, id)) === null) return problem(404, 'not_found', 'There is no such note.');
  await host.storage.delete(NAMESPACE, id);
  await host.logging.info('Note deleted', { id });
  return emptyResponse();
}

export const handler: Handler = async (req, host) => {
  const { method, path } = req.http;
  const id = /^\/notes\/([0-9a-f-]{36})$/.exec(path)?.[1];
  if (path === '/notes' && method === 'GET') return listNotes(host);
  if (path === '/notes' && method === 'POST') {
    let body: unknown;
    try {
      body = req.http.json();
    } catch {
      return problem(400, 'invalid_json', 'The body is not valid JSON.');
    }
    return addNote(body, host);
  }
  if (id !== undefined && method === 'DELETE') return deleteNote(id, host);
  return problem(404, 'not_found', `There is no ${method} ${path}.`);
};
