import { autoResize, callHandlerJson, createBridge } from '@alga-psa/extension-iframe-sdk';

interface Note {
  id: string;
  text: string;
  author: string | null;
  createdAt: string;
}

const bridge = createBridge();

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const input = element<HTMLInputElement>('note-text');
const button = element<HTMLButtonElement>('add-note');
const list = element<HTMLUListElement>('notes');
const status = element<HTMLParagraphElement>('status');

function showStatus(text: string, failed = false): void {
  status.textContent = text;
  status.classList.toggle('failed', failed);
}

function item(note: Note): HTMLLIElement {
  const row = document.createElement('li');
  row.dataset['id'] = note.id;
  const text = document.createElement('p');
  text.textContent = note.text;
  const details = document.createElement('p');
  details.className = 'muted';
  details.textContent = [note.author, new Date(note.createdAt).toLocaleString()].filter(Boolean).join(', ');
  const content = document.createElement('div');
  content.append(text, details);
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.textContent = 'Delete';
  remove.setAttribute('aria-label', `Delete: ${note.text}`);
  remove.addEventListener('click', () => attempt('Deleting', () => callHandlerJson(bridge, `/notes/${note.id}`, { method: 'DELETE' })));
  row.append(content, remove);
  return row;
}

async function show(): Promise<void> {
  const { notes } = await callHandlerJson<{ notes: Note[] }>(bridge, '/notes');
  list.replaceChildren(...notes.map(item));
  element('count').textContent = notes.length === 1 ? '1 note' : `${notes.length} notes`;
  showStatus(notes.length === 0 ? 'Nothing here yet.' : '');
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
  showStatus(`${what} …`);
  button.disabled = true;
  try {
    await work();
    await show();
    return true;
  } catch (error) {
    showStatus(`${what} failed: ${error instanceof Error ? error.message : String(error)}`, true);
    return false;
  } finally {
    button.disabled = false;
  }
}

async function add(): Promise<void> {
  const text = input.value.trim();
  if (text === '') return;
  if (await attempt('Adding', () => callHandlerJson(bridge, '/notes', { method: 'POST', body: { text } }))) {
    input.value = '';
    input.focus();
  }
}

// No form: the sandbox of the page may not allow submitting one.
button.addEventListener('click', () => void add());
input.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.isComposing) void add();
});

bridge.ready();
autoResize(bridge);
void attempt('Loading', async () => undefined);
