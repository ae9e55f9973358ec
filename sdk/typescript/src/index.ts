// The handler's side of an extension: what `import … from '@holdfast/sdk'` (or '@alga-psa/extension-runtime') gives.
export type * from './types.ts';
export type * from './host.ts';
export { HostError } from './errors.ts';
export { emptyResponse, header, jsonResponse, textResponse } from './responses.ts';
export type { ResponseInit } from './responses.ts';
export { normalizeUserData } from './user.ts';
export { callProxyJson } from './proxy.ts';
export { createMockHostBindings } from './mock.ts';
export type { MockOverrides } from './mock.ts';
