// Storage with the functions of the WIT world: null for a missing value, all pages of a list, JSON.
import storage from 'alga:extension/storage';
import { decodeUtf8, encodeUtf8, toBytes } from '../bytes.ts';
import { HostError } from '../errors.ts';
import type { StorageHost } from '../host.ts';
import type { StorageEntry } from '../types.ts';
import { attempt, text } from './calls.ts';

interface WireEntry {
  namespace: string;
  key: string;
  value: Uint8Array | number[];
  revision?: number | bigint | null;
}

function entry(wire: WireEntry): StorageEntry {
  return {
    namespace: wire.namespace,
    key: wire.key,
    value: wire.value instanceof Uint8Array ? wire.value : Uint8Array.from(wire.value),
    revision: wire.revision == null ? null : Number(wire.revision),
  };
}

type Page = WireEntry[];

/** The cursor in the form of the storage API: base64url of the JSON of the last key. */
function encodedCursor(key: string): string {
  let binary = '';
  for (const byte of encodeUtf8(JSON.stringify({ key }))) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** The entries after `key`. The cursor is the last key; hosts that pass it on to the storage API expect that API's form. */
function pageAfter(namespace: string, key: string | null): Page {
  const page = (cursor: string | null): Page => attempt('storage.list', () => storage['listEntries']!(namespace, cursor));
  try {
    return page(key);
  } catch (error) {
    if (key === null || !(error instanceof HostError) || error.code !== 'internal') throw error;
    return page(encodedCursor(key));
  }
}

function find(namespace: string, key: string): StorageEntry | null {
  try {
    return entry(attempt('storage.get', () => storage['get']!(text(namespace, 'namespace'), text(key, 'key'))) as WireEntry);
  } catch (error) {
    if (error instanceof HostError && error.code === 'missing') return null;
    throw error;
  }
}

function everyEntry(namespace: string): StorageEntry[] {
  const found: StorageEntry[] = [];
  const seen = new Set<string>();
  let lastKey: string | null = null;
  for (;;) {
    const fresh: WireEntry[] = pageAfter(text(namespace, 'namespace'), lastKey).filter((wire) => !seen.has(wire.key));
    const last: WireEntry | undefined = fresh[fresh.length - 1];
    // This also ends the loop with a host that ignores cursors and returns the same page again.
    if (last === undefined) return found;
    for (const wire of fresh) {
      seen.add(wire.key);
      found.push(entry(wire));
    }
    lastKey = last.key;
  }
}

export const storageHost: StorageHost = {
  async get(namespace, key) {
    return find(namespace, key);
  },
  async put({ namespace, key, value, revision }) {
    const wire = {
      namespace: text(namespace, 'namespace'),
      key: text(key, 'key'),
      value: toBytes(value, 'A stored value'),
      revision: revision == null ? null : Number(revision),
    };
    return entry(attempt('storage.put', () => storage['put']!(wire)) as WireEntry);
  },
  async delete(namespace, key) {
    try {
      attempt('storage.delete', () => storage['delete']!(text(namespace, 'namespace'), text(key, 'key')));
    } catch (error) {
      // Hosts report a value that is not there as either: a delete names no revision, so nothing else can conflict.
      if (!(error instanceof HostError && ['missing', 'conflict'].includes(error.code))) throw error;
    }
  },
  async list(namespace) {
    return everyEntry(namespace);
  },
  async getJson<T>(namespace: string, key: string) {
    const stored = find(namespace, key);
    return stored === null ? null : (JSON.parse(decodeUtf8(stored.value)) as T);
  },
  async putJson(namespace, key, value, options = {}) {
    const encoded = JSON.stringify(value);
    if (encoded === undefined) throw new TypeError('putJson needs a value that JSON can represent');
    return storageHost.put({ namespace, key, value: encoded, revision: options.revision ?? null });
  },
};
