import { autoResize, callHandlerJson, createBridge } from '@alga-psa/extension-iframe-sdk';
import type { Note } from '../../src/note';

const bridge = createBridge();

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const input = element<HTMLInputElement>('note-text');
const button = element<HTMLButtonElement>('add-note');
const list = element<HTMLUListElement>('notes');
const status = element<HTMLParagraphElement>('status');

function say(text: string, failed = false): void {
  status.textContent = text;
  status.classList.toggle('failed', failed);
}

function item(note: Note): HTMLLIElement {
  const row = document.createElement('li');
  row.dataset['id'] = note.id;
  const text = document.createElement('p');
  text.textContent = note.text;
  const about = document.createElement('p');
  about.className = 'muted';
  about.textContent = [note.author, new Date(note.createdAt).toLocaleString()].filter(Boolean).join(', ');
  const words = document.createElement('div');
  words.append(text, about);
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.textContent = 'Delete';
  remove.setAttribute('aria-label', `Delete: ${note.text}`);
  remove.addEventListener('click', () => attempt('Deleting', () => callHandlerJson(bridge, `/notes/${note.id}`, { method: 'DELETE' })));
  row.append(words, remove);
  return row;
}

async function show(): Promise<void> {
  const { notes } = await callHandlerJson<{ notes: Note[] }>(bridge, '/notes');
  list.replaceChildren(...notes.map(item));
  element('count').textContent = notes.length === 1 ? '1 note' : `${notes.length} notes`;
  say(notes.length === 0 ? 'Nothing here yet.' : '');
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<boolean> {
  say(`${what} …`);
  button.disabled = true;
  try {
    await work();
    await show();
    return true;
  } catch (error) {
    say(`${what} failed: ${error instanceof Error ? error.message : String(error)}`, true);
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

// No form: submitting one needs a permission that the page's sandbox may lack.
button.addEventListener('click', () => void add());
input.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.isComposing) void add();
});

bridge.ready();
autoResize(bridge);
void attempt('Loading', async () => undefined);
