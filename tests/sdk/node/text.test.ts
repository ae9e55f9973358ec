import assert from 'node:assert/strict';
import { test } from 'node:test';
import { structuredClone as ourClone } from '../../../sdk/typescript/src/web/clone.ts';
import { TextDecoder as OurDecoder, TextEncoder as OurEncoder } from '../../../sdk/typescript/src/web/text.ts';

const TEXTS = ['', 'plain', 'schön €', '😀 and \u{10FFFF}', 'lone \ud800 surrogate', '\udc00', 'x'.repeat(10_000) + 'é'];
const BYTES = [[0x80], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf0, 0x9f, 0x98], [0xe2, 0x82], [0x61, 0xff, 0x62], [0xef, 0xbb, 0xbf, 0x61]];

test('text is encoded as the platform encodes it', () => {
  for (const text of TEXTS) assert.deepEqual([...new OurEncoder().encode(text)], [...new TextEncoder().encode(text)]);
});

test('text is decoded as the platform decodes it, malformed or not', () => {
  for (const text of TEXTS) {
    const bytes = new TextEncoder().encode(text);
    assert.equal(new OurDecoder().decode(bytes), new TextDecoder().decode(bytes));
  }
  for (const raw of BYTES) {
    const bytes = Uint8Array.from(raw);
    assert.equal(new OurDecoder().decode(bytes), new TextDecoder().decode(bytes), String(raw));
  }
});

test('a fatal decoder rejects malformed bytes', () => {
  for (const raw of BYTES.slice(0, -1)) assert.throws(() => new OurDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(raw)), TypeError);
});

test('a stream may be cut anywhere', () => {
  const bytes = new TextEncoder().encode('a€😀é');
  for (let cut = 0; cut <= bytes.length; cut++) {
    const decoder = new OurDecoder();
    assert.equal(decoder.decode(bytes.subarray(0, cut), { stream: true }) + decoder.decode(bytes.subarray(cut)), 'a€😀é');
  }
});

test('encodeInto writes whole characters only', () => {
  const target = new Uint8Array(4);
  assert.deepEqual(new OurEncoder().encodeInto('a€😀', target), { read: 2, written: 4 });
});

test('structuredClone copies data with its cycles and rejects functions', () => {
  const source: Record<string, unknown> = { list: [1, new Date(5)], map: new Map([['k', new Set([1])]]), bytes: new Uint16Array([1, 2]) };
  source['self'] = source;
  const copy = ourClone(source);
  assert.notEqual(copy, source);
  assert.equal(copy['self'], copy);
  assert.deepEqual(copy['list'], source['list']);
  assert.deepEqual(copy['map'], source['map']);
  assert.deepEqual(copy['bytes'], source['bytes']);
  assert.throws(() => ourClone({ f() {} }), { name: 'DataCloneError' });
});
