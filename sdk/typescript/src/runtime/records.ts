// The application's records (clients, services, invoices), with the functions of the WIT world.
import clients from 'alga:extension/clients';
import invoicing from 'alga:extension/invoicing';
import services from 'alga:extension/services';
import type { ClientsHost, InvoicingHost, ServicesHost } from '../host.ts';
import type { CreateManualInvoiceResult, ManualInvoiceItemInput } from '../types.ts';
import { attempt, decimal, oneOf, optionalCount, optionalFlag, optionalText, text } from './calls.ts';
import { withFieldErrors } from './scheduler.ts';

export const clientsHost: ClientsHost = {
  async list(input = {}) {
    const wire = {
      search: optionalText(input.search, 'search'),
      includeInactive: optionalFlag(input.includeInactive, 'includeInactive'),
      page: optionalCount(input.page, 'page'),
      pageSize: optionalCount(input.pageSize, 'pageSize'),
    };
    return attempt('clients.list', () => clients['listClients']!(wire));
  },
  async get(clientId) {
    return attempt('clients.get', () => clients['getClient']!(text(clientId, 'clientId'))) ?? null;
  },
};

export const servicesHost: ServicesHost = {
  async list(input = {}) {
    const wire = {
      search: optionalText(input.search, 'search'),
      itemKind: oneOf(input.itemKind, ['service', 'product'], 'itemKind'),
      isActive: optionalFlag(input.isActive, 'isActive'),
      billingMethod: oneOf(input.billingMethod, ['fixed', 'hourly', 'usage'], 'billingMethod'),
      page: optionalCount(input.page, 'page'),
      pageSize: optionalCount(input.pageSize, 'pageSize'),
    };
    return attempt('services.list', () => services['listServices']!(wire));
  },
  async get(serviceId) {
    return attempt('services.get', () => services['getService']!(text(serviceId, 'serviceId'))) ?? null;
  },
};

const invoiceItem = (item: ManualInvoiceItemInput, index: number) => ({
  serviceId: text(item.serviceId, `items.${index}.serviceId`),
  quantity: decimal(item.quantity, `items.${index}.quantity`),
  description: text(item.description, `items.${index}.description`),
  rate: decimal(item.rate, `items.${index}.rate`),
  isDiscount: optionalFlag(item.isDiscount, `items.${index}.isDiscount`),
  discountType: oneOf(item.discountType, ['percentage', 'fixed'], `items.${index}.discountType`),
  appliesToItemId: optionalText(item.appliesToItemId, `items.${index}.appliesToItemId`),
  appliesToServiceId: optionalText(item.appliesToServiceId, `items.${index}.appliesToServiceId`),
});

export const invoicingHost: InvoicingHost = {
  async createManualInvoice(input) {
    const wire = {
      clientId: text(input.clientId, 'clientId'),
      items: input.items.map(invoiceItem),
      invoiceDate: optionalText(input.invoiceDate, 'invoiceDate'),
      dueDate: optionalText(input.dueDate, 'dueDate'),
      poNumber: optionalText(input.poNumber, 'poNumber'),
    };
    const response = attempt('invoicing.createManualInvoice', () => invoicing['createManualInvoice']!(wire));
    const result = withFieldErrors(response) as CreateManualInvoiceResult;
    if (result.success && result.invoiceId != null) {
      const { invoiceId, invoiceNumber = null, status = null, subtotal = null, tax = null, total = null } = result;
      result.invoice = { invoiceId, invoiceNumber, status, subtotal, tax, total };
    }
    return result;
  },
};
