// What the form offers.

export interface ClientChoice {
  id: string;
  name: string;
  currency: string;
}

export interface ServiceChoice {
  id: string;
  name: string;
  /** In minor units of the currency. */
  rate: number;
}

export interface Choices {
  clients: ClientChoice[];
  services: ServiceChoice[];
}
