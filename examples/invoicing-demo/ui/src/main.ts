import { HandlerError, autoResize, callHandlerJson, createBridge } from '@alga-psa/extension-iframe-sdk';
import type { FieldErrors, InvoiceSummary } from '@alga-psa/extension-runtime';

const bridge = createBridge();
const element = (id: string): HTMLElement => document.getElementById(id)!;
const button = element('create') as HTMLButtonElement;
const status = element('status');
const inputs = new Map([...document.querySelectorAll<HTMLInputElement>('input')].map((input) => [input.dataset['field']!, input]));

const text = (field: string): string => inputs.get(field)!.value.trim();

function body(): unknown {
  const item = {
    serviceId: text('items.0.serviceId'),
    description: text('items.0.description'),
    quantity: Number(text('items.0.quantity')),
    rate: Number(text('items.0.rate')),
  };
  return { clientId: text('clientId'), items: [item], dueDate: text('dueDate') || null };
}

/** Marks the fields with an error; the rest is part of the message. */
function showErrors(message: string, errors: FieldErrors): void {
  for (const [field, input] of inputs) {
    input.setAttribute('aria-invalid', String(field in errors));
    input.title = errors[field] ?? '';
  }
  status.classList.toggle('failed', message !== '');
  status.textContent = [message, ...Object.entries(errors).map(([field, error]) => `${field}: ${error}`)].join(' ');
}

async function create(): Promise<void> {
  button.disabled = true;
  element('invoice').textContent = '';
  showErrors('', {});
  try {
    const { invoice } = await callHandlerJson<{ invoice: InvoiceSummary }>(bridge, '/api/create-manual-invoice', { method: 'POST', body: body() });
    element('invoice').textContent = `Invoice ${invoice.invoiceNumber ?? invoice.invoiceId} (${invoice.status}): ${((invoice.total ?? 0) / 100).toFixed(2)}`;
  } catch (error) {
    const fieldErrors = error instanceof HandlerError ? ((error.body as { fieldErrors?: FieldErrors } | null)?.fieldErrors ?? {}) : {};
    showErrors(error instanceof Error ? error.message : String(error), fieldErrors);
  } finally {
    button.disabled = false;
  }
}

button.addEventListener('click', () => void create());
bridge.ready();
autoResize(bridge);
