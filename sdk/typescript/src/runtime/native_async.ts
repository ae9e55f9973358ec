// For an engine that runs asynchronous functions itself, StarlingMonkey: no promises and no event loop of our own.
import { jsonResponse } from '../responses.ts';
import type { WireRequest } from './http.ts';
import { beginCall } from './loop.ts';
import { describeError, messageOf } from './stack.ts';
import { answerOf, report, wireResponse } from './wrap.ts';
import type { AnyHandler, WireResponse } from './wrap.ts';

export { findHandler } from './wrap.ts';

/** As `wrap` of wrap.ts. */
export function wrap(handler: AnyHandler): (request: WireRequest) => Promise<WireResponse> {
  return async (request) => {
    beginCall();
    try {
      return wireResponse(await answerOf(handler, request));
    } catch (error) {
      report(describeError(error));
      return wireResponse(jsonResponse({ error: 'handler_failed', message: messageOf(error) }, { status: 500 }));
    }
  };
}
