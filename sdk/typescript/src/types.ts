// The data that handlers and hosts exchange. Field names are those of the WIT world `alga:extension/runner` in camelCase.

/**
 * The tenant's settings for an install, with the types that the manifest declares: a number is a number, a boolean is `true` or `false`.
 * The type of each value is `any`, because only your manifest knows it.
 */
export type Settings = Record<string, any>;

export interface ContextData {
  requestId?: string | null;
  tenantId: string;
  extensionId: string;
  installId?: string | null;
  versionId?: string | null;
  /** The tenant's settings for this install; empty without any. */
  config?: Settings;
  /** The trigger of the call, such as `schedule`; absent for a call by a user or a program. */
  trigger?: string;
  /** The id of the schedule that made the call. */
  scheduleId?: string;
}

export interface HttpHeader {
  name: string;
  value: string;
}

/** Headers as a list, or as a plain object in which each name occurs once. */
export type HeadersLike = HttpHeader[] | Record<string, string>;

/** A body: bytes, or text that is sent as UTF-8. */
export type BodyLike = Uint8Array | ArrayBuffer | string;

export interface HttpRequest {
  method: string;
  /** The path with its query, as the caller sent it. `new URL(req.http.url)` gives the absolute URL. */
  url: string;
  /** The absolute URL: the origin through which the platform is reached if the host names it, otherwise `http://localhost`. */
  href: string;
  /** The path without query and fragment. */
  path: string;
  /** The fields of the query; the first value of a repeated one. `new URL(req.http.url).searchParams` has all values. */
  query: Record<string, string>;
  headers: HttpHeader[];
  body?: Uint8Array | null;
  /** The body as text; the empty string without a body. */
  text(): string;
  /** The body parsed as JSON; undefined without a body. Throws a SyntaxError when it is not JSON. */
  json<T = unknown>(): T;
}

export interface ExecuteRequest {
  context: ContextData;
  http: HttpRequest;
  /** The same request as the Fetch standard has it, for routers such as Hono; `new Request(req)` does the same. */
  toRequest(): Request;
}

export interface ExecuteResponse {
  status: number;
  headers?: HeadersLike | null;
  body?: BodyLike | null;
}

export interface FetchRequest {
  url: string;
  /** Default: GET. */
  method?: string;
  headers?: HeadersLike | null;
  body?: BodyLike | null;
}

export interface HttpResponse {
  status: number;
  headers: HttpHeader[];
  body?: Uint8Array | null;
  /** The first header with that name, in any case. */
  header(name: string): string | undefined;
  text(): string;
  json<T = unknown>(): T;
}

export interface StorageEntry {
  namespace: string;
  key: string;
  value: Uint8Array;
  /** Increases with every write of this key. Pass it to `put` to write only if the value has not changed since. */
  revision?: number | null;
}

export interface StoragePut {
  namespace: string;
  key: string;
  value: BodyLike;
  revision?: number | bigint | null;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogRecord {
  level?: LogLevel;
  message: string;
  /** Data of this line; appended to the message as JSON. */
  fields?: Record<string, unknown>;
}

export interface UserDataWire {
  tenantId: string;
  clientName: string;
  userId: string;
  userEmail: string;
  userName: string;
  userType: string;
  clientId?: string | null;
  additionalFields?: [string, string][] | Record<string, string> | null;
}

export interface UserData {
  tenantId: string;
  clientName: string;
  userId: string;
  userEmail: string;
  userName: string;
  /** `internal` or `client`. */
  userType: string;
  clientId?: string | null;
  additionalFields?: Record<string, string>;
}

export type UserError = 'not-available' | 'not-allowed';
export type SecretError = 'missing' | 'denied' | 'expired' | 'internal';
export type HttpError = 'invalid-url' | 'not-allowed' | 'transport' | 'internal';
export type StorageError = 'missing' | 'conflict' | 'denied' | 'internal';
export type ProxyError = 'route-not-found' | 'denied' | 'bad-request' | 'internal';
export type SchedulerError = 'not-found' | 'validation-failed' | 'quota-exceeded' | 'denied' | 'internal';
export type ClientReadError = 'not-allowed' | 'invalid-input' | 'internal';
export type ServiceReadError = 'not-allowed' | 'invalid-input' | 'internal';

export interface ScheduleInfo {
  id: string;
  endpointPath: string;
  endpointMethod: string;
  name?: string | null;
  cron: string;
  timezone: string;
  enabled: boolean;
  /** The parsed JSON. */
  payload?: unknown;
  lastRunAt?: string | null;
  lastRunStatus?: string | null;
  lastError?: string | null;
  createdAt?: string | null;
}

export interface EndpointInfo {
  id: string;
  method: string;
  path: string;
  handler: string;
  schedulable: boolean;
}

export interface CreateScheduleInput {
  endpoint: string;
  cron: string;
  timezone?: string | null;
  enabled?: boolean | null;
  name?: string | null;
  /** Any JSON value. A string counts as JSON text and is sent unchanged. */
  payload?: unknown;
}

/** Absent fields do not change; `payload: null` clears the payload. */
export type UpdateScheduleInput = Partial<CreateScheduleInput>;

export type FieldErrors = Record<string, string>;

export interface CreateScheduleResult {
  success: boolean;
  scheduleId?: string | null;
  error?: string | null;
  fieldErrors?: FieldErrors | null;
}

export interface UpdateScheduleResult {
  success: boolean;
  error?: string | null;
  fieldErrors?: FieldErrors | null;
}

export interface DeleteScheduleResult {
  success: boolean;
  error?: string | null;
}

export interface ManualInvoiceItemInput {
  serviceId: string;
  quantity: number;
  description: string;
  /** In minor units of the currency. */
  rate: number;
  isDiscount?: boolean | null;
  discountType?: 'percentage' | 'fixed' | null;
  appliesToItemId?: string | null;
  appliesToServiceId?: string | null;
}

export interface CreateManualInvoiceInput {
  clientId: string;
  items: ManualInvoiceItemInput[];
  /** YYYY-MM-DD */
  invoiceDate?: string | null;
  dueDate?: string | null;
  poNumber?: string | null;
}

export interface InvoiceSummary {
  invoiceId: string;
  invoiceNumber?: string | null;
  status?: string | null;
  subtotal?: number | null;
  tax?: number | null;
  total?: number | null;
}

export interface CreateManualInvoiceResult extends Partial<InvoiceSummary> {
  success: boolean;
  /** The same values in one object; present when the invoice was created. */
  invoice?: InvoiceSummary;
  error?: string | null;
  fieldErrors?: FieldErrors | null;
}

export interface ClientSummary {
  clientId: string;
  clientName: string;
  clientType?: string | null;
  isInactive: boolean;
  defaultCurrencyCode?: string | null;
  accountManagerId?: string | null;
  accountManagerName?: string | null;
  billingEmail?: string | null;
}

export interface ClientsListInput {
  search?: string | null;
  includeInactive?: boolean | null;
  page?: number | null;
  pageSize?: number | null;
}

export interface Page<T> {
  items: T[];
  totalCount: number;
  page: number;
  pageSize: number;
}

export type ClientsListResult = Page<ClientSummary>;
export type ServiceItemKind = 'service' | 'product';
export type ServiceBillingMethod = 'fixed' | 'hourly' | 'usage';

export interface ServiceSummary {
  serviceId: string;
  serviceName: string;
  itemKind: ServiceItemKind;
  billingMethod: ServiceBillingMethod;
  serviceTypeId?: string | null;
  serviceTypeName?: string | null;
  /** In minor units of the currency. */
  defaultRate: number;
  unitOfMeasure: string;
  isActive: boolean;
  sku?: string | null;
}

export interface ServicesListInput {
  search?: string | null;
  itemKind?: ServiceItemKind | null;
  isActive?: boolean | null;
  billingMethod?: ServiceBillingMethod | null;
  page?: number | null;
  pageSize?: number | null;
}

export type ServicesListResult = Page<ServiceSummary>;
