// One line of the form: a service, how many, and the rate of one.
import type { ManualInvoiceItemInput } from '@alga-psa/extension-runtime';
import type { ServiceChoice } from '../../src/choices';
import { format, lineAmount, toMajor, toMinor } from '../../src/money';

export interface Line {
  row: HTMLTableRowElement;
  /** The item; null while quantity or rate is no amount. */
  item(): ManualInvoiceItemInput | null;
  /** Shows the amount again. */
  update(): void;
}

function field(label: string, value: string): HTMLInputElement {
  const input = document.createElement('input');
  input.setAttribute('aria-label', label);
  input.inputMode = 'decimal';
  input.value = value;
  return input;
}

/** `currency` returns the client's; `changed` is called after every input, `removed` after a click on "Remove". */
export function createLine(services: ServiceChoice[], currency: () => string, changed: () => void, removed: (line: Line) => void): Line {
  const service = document.createElement('select');
  service.setAttribute('aria-label', 'Service');
  service.append(...services.map(({ id, name }) => new Option(name, id)));
  const chosen = (): ServiceChoice | undefined => services.find(({ id }) => id === service.value);
  const quantity = field('Quantity', '1');
  const rate = field('Rate', toMajor(services[0]?.rate ?? 0, currency()));
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.className = 'quiet';
  remove.textContent = 'Remove';

  const row = document.createElement('tr');
  for (const content of [service, quantity, rate, '', remove]) row.insertCell().append(content);
  const amount = row.cells[3]!;
  amount.className = 'number';

  const line: Line = {
    row,
    item() {
      const [many, minor] = [Number(quantity.value), toMinor(rate.value, currency())];
      quantity.setAttribute('aria-invalid', String(!(many > 0)));
      rate.setAttribute('aria-invalid', String(minor === null));
      if (!(many > 0) || minor === null) return null;
      return { serviceId: service.value, quantity: many, description: chosen()?.name ?? '', rate: minor };
    },
    update() {
      const item = line.item();
      amount.textContent = item === null ? '' : format(lineAmount(item), currency());
    },
  };
  service.addEventListener('change', () => {
    rate.value = toMajor(chosen()?.rate ?? 0, currency());
    changed();
  });
  for (const input of [quantity, rate]) input.addEventListener('input', changed);
  remove.addEventListener('click', () => removed(line));
  return line;
}
