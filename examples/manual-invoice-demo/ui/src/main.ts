import { autoResize, callHandlerJson, createBridge } from '@alga-psa/extension-iframe-sdk';
import type { InvoiceSummary } from '@alga-psa/extension-runtime';
import type { Choices } from '../../src/choices';
import { format, lineAmount } from '../../src/money';
import { type Line, createLine } from './line';

const bridge = createBridge();
const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const [client, due, po] = [element<HTMLSelectElement>('client'), element<HTMLInputElement>('due'), element<HTMLInputElement>('po')];
const create = element<HTMLButtonElement>('create');
const status = element('status');
let choices: Choices = { clients: [], services: [] };
let lines: Line[] = [];

const currency = (): string => choices.clients.find(({ id }) => id === client.value)?.currency ?? 'USD';

function showStatus(text: string, failed = false): void {
  status.textContent = text;
  status.classList.toggle('failed', failed);
}

function update(): void {
  for (const line of lines) line.update();
  const items = lines.map((line) => line.item());
  const total = items.reduce((sum, item) => sum + (item === null ? 0 : lineAmount(item)), 0);
  element('total').textContent = `Total before tax: ${format(total, currency())}`;
  create.disabled = client.value === '' || items.length === 0 || items.includes(null);
}

function addLine(): void {
  const line = createLine(choices.services, currency, update, (removed) => {
    lines = lines.filter((other) => other !== removed);
    removed.row.remove();
    update();
  });
  lines.push(line);
  element('items').append(line.row);
  update();
}

async function load(): Promise<void> {
  choices = await callHandlerJson<Choices>(bridge, '/choices');
  client.replaceChildren(...choices.clients.map(({ id, name }) => new Option(name, id)));
  if (choices.clients.length === 0 || choices.services.length === 0) throw new Error('There are no clients or no services yet. Import some first.');
  addLine();
}

async function createInvoice(): Promise<void> {
  const items = lines.flatMap((line) => line.item() ?? []);
  const body = { clientId: client.value, items, dueDate: due.value || null, poNumber: po.value.trim() || null };
  create.disabled = true;
  showStatus('Creating …');
  try {
    const invoice = await callHandlerJson<InvoiceSummary>(bridge, '/invoices', { method: 'POST', body });
    showStatus(`Draft ${invoice.invoiceNumber ?? invoice.invoiceId} created: ${format(invoice.total ?? 0, currency())} with tax.`);
  } finally {
    update();
  }
}

const report = (error: unknown): void => showStatus(error instanceof Error ? error.message : String(error), true);
client.addEventListener('change', update);
element('add').addEventListener('click', addLine);
create.addEventListener('click', () => void createInvoice().catch(report));

bridge.ready();
autoResize(bridge);
update();
void load().catch(report);
