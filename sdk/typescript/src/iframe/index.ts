// The SDK for pages: everything that '@holdfast/sdk/iframe' (or '@alga-psa/extension-iframe-sdk') exports.
export { IframeBridge, ProxyError, createBridge } from './bridge.ts';
export type { BridgeOptions, Listener, ProxyOptions, ProxyResult } from './bridge.ts';
export { envelope, isClientToHost, isEnvelope, isHostToClient } from './envelope.ts';
export type { Bootstrap, ClientMessages, Envelope, HostMessages, ProxyAnswer, ProxyRequest } from './envelope.ts';
export { HandlerError, autoResize, callHandlerJson, getToken, navigate } from './handler.ts';
export type { HandlerCall } from './handler.ts';
export { applyTheme } from './theme.ts';
