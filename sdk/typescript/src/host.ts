// What a handler may ask of its host, and the handler itself. Every function answers a promise; what the host refuses
// rejects with a HostError whose `code` is the case the world names.
import type {
  ClientSummary,
  ClientsListInput,
  ClientsListResult,
  ContextData,
  CreateManualInvoiceInput,
  CreateManualInvoiceResult,
  CreateScheduleInput,
  CreateScheduleResult,
  DeleteScheduleResult,
  EndpointInfo,
  ExecuteRequest,
  ExecuteResponse,
  FetchRequest,
  HttpResponse,
  LogRecord,
  ScheduleInfo,
  ServiceSummary,
  ServicesListInput,
  ServicesListResult,
  StorageEntry,
  StoragePut,
  UpdateScheduleInput,
  UpdateScheduleResult,
  UserData,
} from './types.ts';

export interface ContextHost {
  get(): Promise<ContextData>;
}

/** Needs cap:secrets.get. */
export interface SecretsHost {
  /** Rejects with `missing`, `denied`, `expired` or `internal`. */
  get(key: string): Promise<string>;
  list(): Promise<string[]>;
}

/** Needs cap:http.fetch, and the host named in the manifest's `egress`. */
export interface HttpHost {
  fetch(request: FetchRequest): Promise<HttpResponse>;
}

/** Needs cap:storage.kv. Every install has its own storage. */
export interface StorageHost {
  /** The entry, or null where the key holds nothing. */
  get(namespace: string, key: string): Promise<StorageEntry | null>;
  /** Rejects with `conflict` when `revision` is given and is not the stored one. */
  put(entry: StoragePut): Promise<StorageEntry>;
  /** Deleting what is not there is no error. */
  delete(namespace: string, key: string): Promise<void>;
  /** Every entry of the namespace, in the order of the keys. */
  list(namespace: string): Promise<StorageEntry[]>;
  /** The value read as JSON, or null where the key holds nothing. */
  getJson<T = unknown>(namespace: string, key: string): Promise<T | null>;
  putJson(namespace: string, key: string, value: unknown, options?: { revision?: number | bigint | null }): Promise<StorageEntry>;
}

/** Needs cap:log.emit. */
export interface LoggingHost {
  info(message: string, fields?: Record<string, unknown>): Promise<void>;
  warn(message: string, fields?: Record<string, unknown>): Promise<void>;
  error(message: string, fields?: Record<string, unknown>): Promise<void>;
  emit(record: LogRecord): Promise<void>;
}

/** Needs cap:ui.proxy. */
export interface UiProxyHost {
  callRoute(route: string, payload?: Uint8Array | null): Promise<Uint8Array>;
  /** Another name of callRoute. */
  call(route: string, payload?: Uint8Array | null): Promise<Uint8Array>;
}

/** Needs cap:user.read. */
export interface UserHost {
  /** Rejects with `not-available` where no person called: schedules, webhooks, API keys without a user. */
  getUser(): Promise<UserData>;
}

/** Needs cap:scheduler.manage. */
export interface SchedulerHost {
  list(): Promise<ScheduleInfo[]>;
  get(id: string): Promise<ScheduleInfo | null>;
  create(input: CreateScheduleInput): Promise<CreateScheduleResult>;
  update(id: string, input: UpdateScheduleInput): Promise<UpdateScheduleResult>;
  delete(id: string): Promise<DeleteScheduleResult>;
  getEndpoints(): Promise<EndpointInfo[]>;
}

/** Needs cap:invoice.manual.create. */
export interface InvoicingHost {
  createManualInvoice(input: CreateManualInvoiceInput): Promise<CreateManualInvoiceResult>;
}

/** Needs cap:client.read. */
export interface ClientsHost {
  list(input?: ClientsListInput): Promise<ClientsListResult>;
  get(clientId: string): Promise<ClientSummary | null>;
}

/** Needs cap:service.read. */
export interface ServicesHost {
  list(input?: ServicesListInput): Promise<ServicesListResult>;
  get(serviceId: string): Promise<ServiceSummary | null>;
}

export interface HostBindings {
  context: ContextHost;
  secrets: SecretsHost;
  http: HttpHost;
  storage: StorageHost;
  logging: LoggingHost;
  uiProxy: UiProxyHost;
  user: UserHost;
  scheduler: SchedulerHost;
  invoicing: InvoicingHost;
  clients: ClientsHost;
  services: ServicesHost;
}

export type Handler = (request: ExecuteRequest, host: HostBindings) => ExecuteResponse | Promise<ExecuteResponse>;
