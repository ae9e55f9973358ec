// The SDK for handlers: everything that '@holdfast/sdk' (or '@alga-psa/extension-runtime') exports.
export type * from './types.ts';
export type * from './host.ts';
export { HostError } from './errors.ts';
export { emptyResponse, header, jsonResponse, textResponse } from './responses.ts';
export type { ResponseInit } from './responses.ts';
export { normalizeUserData } from './user.ts';
export { callProxyJson } from './proxy.ts';
export { createMockHostBindings } from './mock.ts';
export type { MockOverrides } from './mock.ts';
