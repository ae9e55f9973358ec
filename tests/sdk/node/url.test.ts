import assert from 'node:assert/strict';
import { test } from 'node:test';
import { URLSearchParams as OurParams } from '../../../sdk/typescript/src/web/query.ts';
import { URL as OurURL } from '../../../sdk/typescript/src/web/url.ts';

const ADDRESSES: [string, string?][] = [
  ['https://example.com'],
  ['HTTPS://Example.COM:443/a/b?q=1#frag'],
  ['http://user:pass@example.com:8080/x'],
  ['https://example.com/a/./b/../c'],
  ['https://example.com/a b?c d#e f'],
  ['https://example.com/ü?ü=é'],
  ['http://[::1]:3000/path'],
  ['https://example.com/%7Efoo/../bar'],
  ['/rooted?x=1', 'https://example.com/a/b'],
  ['relative/./x', 'https://example.com/a/b'],
  ['../up', 'https://example.com/a/b/c'],
  ['?only=query', 'https://example.com/a/b?old=1'],
  ['#only-hash', 'https://example.com/a/b?old=1'],
  ['//other.example/x', 'https://example.com/a'],
  ['', 'https://example.com/a?q=1#h'],
];

for (const [address, base] of ADDRESSES) {
  test(`URL reads ${address} ${base ?? ''} as the platform's does`, () => {
    const ours = new OurURL(address, base);
    const theirs = new URL(address, base);
    for (const part of ['href', 'origin', 'protocol', 'host', 'hostname', 'port', 'pathname', 'search', 'hash', 'username', 'password'] as const) {
      assert.equal(ours[part], theirs[part], part);
    }
  });
}

test('URL rejects invalid URLs', () => {
  for (const bad of ['', 'no scheme', 'https://', 'http://a b/', 'http://example.com:99999/']) {
    assert.throws(() => new OurURL(bad), TypeError, bad);
    assert.equal(OurURL.canParse(bad), false);
  }
});

test('changing searchParams changes the URL', () => {
  const url = new OurURL('https://example.com/?a=1');
  url.searchParams.append('b', 'x y');
  url.searchParams.set('a', '2');
  assert.equal(url.href, 'https://example.com/?a=2&b=x+y');
  url.search = '?c=3';
  assert.deepEqual([...url.searchParams], [['c', '3']]);
});

test('URLSearchParams reads and writes as the platform does', () => {
  for (const query of ['a=1&b=2&a=3', '?x=%20y+z&empty&=v', 'bad=%zz%', 'ü=é&emoji=%F0%9F%98%80', 'sym=~!*()\'-._']) {
    const [ours, theirs] = [new OurParams(query), new URLSearchParams(query)];
    assert.deepEqual([...ours], [...theirs]);
    assert.equal(ours.toString(), theirs.toString());
    assert.deepEqual(ours.getAll('a'), theirs.getAll('a'));
  }
  assert.equal(new OurParams({ a: '1', b: '2' }).toString(), 'a=1&b=2');
});
