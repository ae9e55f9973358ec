// Checks the body of a request for an invoice.
import type { CreateManualInvoiceInput, FieldErrors, ManualInvoiceItemInput } from '@alga-psa/extension-runtime';

type Fields = Record<string, unknown>;

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function itemErrors(item: unknown, at: string): FieldErrors {
  if (typeof item !== 'object' || item === null) return { [at]: 'Must be an object.' };
  const { serviceId, description, quantity, rate } = item as Fields;
  const errors: FieldErrors = {};
  if (!isText(serviceId)) errors[`${at}.serviceId`] = 'Required.';
  if (!isText(description)) errors[`${at}.description`] = 'Required.';
  if (!isNumber(quantity) || quantity <= 0) errors[`${at}.quantity`] = 'Must be a number above 0.';
  if (!isNumber(rate) || rate < 0 || !Number.isInteger(rate)) errors[`${at}.rate`] = 'Must be a whole number of minor units, such as cents.';
  return errors;
}

/** The input of the host function, or what is wrong, by field: `clientId`, `items`, `items.0.quantity`, …, `body`. */
export function readInvoice(body: unknown): { input: CreateManualInvoiceInput } | { fieldErrors: FieldErrors } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { fieldErrors: { body: 'Must be a JSON object.' } };
  const { clientId, items, invoiceDate, dueDate, poNumber } = body as Fields;
  const fieldErrors: FieldErrors = {};
  if (!isText(clientId)) fieldErrors['clientId'] = 'Required.';
  if (!Array.isArray(items) || items.length === 0) fieldErrors['items'] = 'Must have at least one item.';
  else items.forEach((item, index) => Object.assign(fieldErrors, itemErrors(item, `items.${index}`)));
  for (const [name, value] of Object.entries({ invoiceDate, dueDate, poNumber })) {
    if (value !== undefined && value !== null && !isText(value)) fieldErrors[name] = 'Must be text.';
  }
  if (Object.keys(fieldErrors).length > 0) return { fieldErrors };
  const optional = { invoiceDate, dueDate, poNumber } as Pick<CreateManualInvoiceInput, 'invoiceDate' | 'dueDate' | 'poNumber'>;
  return { input: { clientId: clientId as string, items: items as ManualInvoiceItemInput[], ...optional } };
}
