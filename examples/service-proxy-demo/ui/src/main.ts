import { autoResize, callHandlerJson, createBridge } from '@alga-psa/extension-iframe-sdk';
import type { Ticket, TicketsAnswer } from '../../src/tickets';

const bridge = createBridge();
const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const limit = element<HTMLInputElement>('limit');
const button = element<HTMLButtonElement>('load');
const status = element('status');

function row({ id, title, client, status: state }: Ticket): HTMLTableRowElement {
  const created = document.createElement('tr');
  for (const text of [id, title, client, state]) created.insertCell().textContent = text;
  return created;
}

async function load(): Promise<void> {
  button.disabled = true;
  status.classList.remove('failed');
  status.textContent = 'Loading …';
  try {
    const answer = await callHandlerJson<TicketsAnswer>(bridge, `/api/tickets?limit=${encodeURIComponent(limit.value)}`);
    element('tickets').replaceChildren(...answer.tickets.map(row));
    status.textContent = `${answer.tickets.length} tickets, fetched ${new Date(answer.fetchedAt).toLocaleTimeString()}.`;
  } catch (error) {
    element('tickets').replaceChildren();
    status.classList.add('failed');
    status.textContent = error instanceof Error ? error.message : String(error);
  } finally {
    button.disabled = false;
  }
}

button.addEventListener('click', () => void load());
bridge.ready();
autoResize(bridge);
void load();
