import { autoResize, createBridge } from '@alga-psa/extension-iframe-sdk';
import type { ClientSummary, ServiceSummary } from '@alga-psa/extension-runtime';
import { pagedTable } from './paged_table';

const bridge = createBridge();
const search = document.getElementById('search') as HTMLInputElement;
const status = document.getElementById('status')!;

function report(error: unknown): void {
  status.classList.toggle('failed', error !== null);
  status.textContent = error === null ? '' : error instanceof Error ? error.message : String(error);
}

const tables = [
  pagedTable<ClientSummary>(bridge, 'clients', ({ clientName, billingEmail, defaultCurrencyCode }) => [
    clientName,
    billingEmail ?? '',
    defaultCurrencyCode ?? '',
  ]),
  pagedTable<ServiceSummary>(bridge, 'services', ({ serviceName, billingMethod, defaultRate, unitOfMeasure }) => [
    serviceName,
    billingMethod,
    `${(defaultRate / 100).toFixed(2)} per ${unitOfMeasure}`,
  ]),
];

function find(): void {
  report(null);
  for (const table of tables) table.show(search.value, 1).catch(report);
}

for (const table of tables) table.onFailure(report);
document.getElementById('find')!.addEventListener('click', find);
search.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.isComposing) find();
});

bridge.ready();
autoResize(bridge);
find();
