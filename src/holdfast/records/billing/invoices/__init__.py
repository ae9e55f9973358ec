"""Draft invoices: what a request may ask for, the amounts, the numbers, and the rows."""
