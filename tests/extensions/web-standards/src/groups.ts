// All groups of cases, by name.
import { crypto } from './cases/crypto.ts';
import { encoding } from './cases/encoding.ts';
import { events } from './cases/events.ts';
import { fetching } from './cases/fetching.ts';
import { globals } from './cases/globals.ts';
import { node } from './cases/node.ts';
import { nodeCrypto } from './cases/node_crypto.ts';
import { promises } from './cases/promises.ts';
import { streams } from './cases/streams.ts';
import { text } from './cases/text.ts';
import { url } from './cases/url.ts';
import { values } from './cases/values.ts';
import type { Cases } from './run.ts';

export const GROUPS: Record<string, Cases> = { crypto, encoding, events, fetching, globals, node, nodeCrypto, promises, streams, text, url, values };
