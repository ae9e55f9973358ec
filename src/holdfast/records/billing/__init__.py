"""What a tenant sells, to whom, and its bills: clients, services, invoices."""
