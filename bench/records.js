import { listClients } from 'alga:extension/clients';
import { listServices } from 'alga:extension/services';
import { createManualInvoice } from 'alga:extension/invoicing';

const page = { pageSize: 1 };

// `GET /clients` reads a page of clients; `POST /invoice` reads a client and a service, and creates a draft invoice for them.
export function handler(request) {
  const { url } = request.http;
  if (url === '/clients') {
    listClients({});
  } else if (url === '/invoice') {
    const { clientId } = listClients(page).items[0];
    const { serviceId } = listServices(page).items[0];
    const item = { serviceId, quantity: 1.5, description: 'work', rate: 12000 };
    const created = createManualInvoice({ clientId, items: [item] });
    if (!created.success) {
      throw new Error(created.error);
    }
  }
  return { status: 200, headers: [], body: undefined };
}
