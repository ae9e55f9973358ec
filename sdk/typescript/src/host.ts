// The host functions of a handler, and the type of the handler itself. Every function returns a promise. A failed one rejects with a
// HostError; its `code` is the error case of the WIT world.
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

/** The context of the call. Needs cap:context.read. */
export interface ContextHost {
  /** Tenant, extension, install, settings and trigger: the same as `req.context`. */
  get(): Promise<ContextData>;
}

/** The secrets of the install. Needs cap:secrets.get. */
export interface SecretsHost {
  /** Rejects with `missing`, `denied`, `expired` or `internal`. */
  get(key: string): Promise<string>;
  /** The keys of all secrets, sorted; none without cap:secrets.get, and none when the secrets have expired. */
  list(): Promise<string[]>;
}

/**
 * Requests to other servers. Needs cap:http.fetch, and the server's host in the manifest's `egress`. In development,
 * `EXT_EGRESS_ALLOWLIST=http://localhost:18080 holdfast dev` also allows that port of your machine.
 */
export interface HttpHost {
  /** Resolves with the response, whatever its status; rejects when there is none. */
  fetch(request: FetchRequest): Promise<HttpResponse>;
}

/** Key-value storage; each install has its own. Needs cap:storage.kv. */
export interface StorageHost {
  /** The entry; null when the key has no value. */
  get(namespace: string, key: string): Promise<StorageEntry | null>;
  /** Writes a value. With `revision`, rejects with `conflict` unless that is the stored revision. */
  put(entry: StoragePut): Promise<StorageEntry>;
  /** Deletes a value; a missing value is not an error. */
  delete(namespace: string, key: string): Promise<void>;
  /** All entries of the namespace, sorted by key. */
  list(namespace: string): Promise<StorageEntry[]>;
  /** The value parsed as JSON; null when the key has no value. Rejects with a SyntaxError when it is not JSON. */
  getJson<T = unknown>(namespace: string, key: string): Promise<T | null>;
  /** As `put`, with `value` as JSON. */
  putJson(namespace: string, key: string, value: unknown, options?: { revision?: number | bigint | null }): Promise<StorageEntry>;
}

/** The log of the call. Needs cap:log.emit. */
export interface LoggingHost {
  info(message: string, fields?: Record<string, unknown>): Promise<void>;
  warn(message: string, fields?: Record<string, unknown>): Promise<void>;
  error(message: string, fields?: Record<string, unknown>): Promise<void>;
  emit(record: LogRecord): Promise<void>;
}

/** Calls routes of the application. Needs cap:ui.proxy, and each route of the application (`/api/…`) in the manifest's `uiProxy.routes`. */
export interface UiProxyHost {
  /**
   * Sends `payload` with POST, or a GET without one, with the rights of the user who makes the call. Resolves with the body of the response.
   * Rejects with `route-not-found`, `denied`, `bad-request` or `internal`.
   */
  callRoute(route: string, payload?: Uint8Array | null): Promise<Uint8Array>;
  /** Another name of callRoute. */
  call(route: string, payload?: Uint8Array | null): Promise<Uint8Array>;
}

/** The user who made the call. Needs cap:user.read. */
export interface UserHost {
  /** Rejects with `not-available` when no user made the call: schedules, webhooks, API keys without a user. */
  getUser(): Promise<UserData>;
}

/** The schedules of the install. Needs cap:scheduler.manage. */
export interface SchedulerHost {
  list(): Promise<ScheduleInfo[]>;
  get(id: string): Promise<ScheduleInfo | null>;
  create(input: CreateScheduleInput): Promise<CreateScheduleResult>;
  update(id: string, input: UpdateScheduleInput): Promise<UpdateScheduleResult>;
  delete(id: string): Promise<DeleteScheduleResult>;
  getEndpoints(): Promise<EndpointInfo[]>;
}

/** Creates invoices. Needs cap:invoice.manual.create. */
export interface InvoicingHost {
  createManualInvoice(input: CreateManualInvoiceInput): Promise<CreateManualInvoiceResult>;
}

/** The clients of the tenant. Needs cap:client.read. */
export interface ClientsHost {
  list(input?: ClientsListInput): Promise<ClientsListResult>;
  get(clientId: string): Promise<ClientSummary | null>;
}

/** The services of the tenant. Needs cap:service.read. */
export interface ServicesHost {
  list(input?: ServicesListInput): Promise<ServicesListResult>;
  get(serviceId: string): Promise<ServiceSummary | null>;
}

/** All host functions, by subject. */
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

/**
 * The function that a module exports as `handler`. It runs once per call. A handler that answers with a `Response` of the Fetch standard is a
 * `Handler<Response>`.
 */
export type Handler<Answer extends ExecuteResponse | Response = ExecuteResponse> = (request: ExecuteRequest, host: HostBindings) => Answer | Promise<Answer>;
