import type { Cases } from '../run.ts';

const PARTS = ['href', 'origin', 'protocol', 'host', 'hostname', 'port', 'pathname', 'search', 'hash', 'username', 'password'] as const;
const parts = (address: string, base?: string) => {
  const url = new URL(address, base);
  return PARTS.map((part) => url[part]);
};

const ADDRESSES: [string, string?][] = [
  ['https://example.com'], ['HTTPS://Example.COM:443/a/b?q=1#frag'], ['http://user:pass@example.com:8080/x'], ['https://example.com/a/./b/../c'],
  ['https://example.com/a b?c d#e f'], ['https://example.com/ü?ü=é'], ['http://[::1]:3000/path'], ['https://example.com/%7Efoo/../bar'],
  ['/rooted?x=1', 'https://example.com/a/b'], ['relative/./x', 'https://example.com/a/b'], ['../up', 'https://example.com/a/b/c'],
  ['?only=query', 'https://example.com/a/b?old=1'], ['#only-hash', 'https://example.com/a/b?old=1'], ['//other.example/x', 'https://example.com/a'],
  ['', 'https://example.com/a?q=1#h'], [''], ['no scheme'], ['https://'], ['http://a b/'], ['http://example.com:99999/'],
  ['mailto:a@x.test'], ['data:text/plain,hi there'], ['urn:isbn:123'], ['javascript:alert(1)'], ['file:///C:/a/../b'], ['file://host/share'],
  ['http://faß.de/'], ['http://münchen.example/'], ['http://xn--mnchen-3ya.example/'], ['http://日本語.jp'], ['http://ＧＯ.com'], ['http://0x7f.1/'],
  ['http://192.168.0.257/'], ['http://[2001:DB8::1]/'], ['http://a%00b/'], ['http://ex%41mple.com/'], ['blob:https://a.test/1'], ['ws://x.test:80/'],
  ['http:\\\\x.test\\a\\b'], ['  https://x.test/  '], ['https://x.test/\ta\nb'], ['non-special://x.test:80/a/../b'], ['http://x.test/?q=\'"<>`'], ['http://x.test:/'],
  ['http://-a-.test/'], ['http://a..b/'], ['https://x.test/%zz'], ['https://user:p%40ss@x.test/'], ['ftp://x.test:21/'], ['/nope'],
];

export const url: Cases = {
  ...Object.fromEntries(ADDRESSES.map(([address, base]) => [`reads ${address} ${base ?? ''}`, () => parts(address, base)])),
  'can parse': () => ADDRESSES.map(([address, base]) => URL.canParse(address, base)),
  'setters'() {
    const u = new URL('https://example.com/?a=1');
    u.searchParams.append('b', 'x y');
    u.searchParams.set('a', '2');
    const first = u.href;
    u.search = '?c=3';
    const params = [...u.searchParams];
    u.hash = 'x y';
    u.port = '8080';
    u.hostname = 'ü.test';
    u.pathname = '/a b/../c';
    u.protocol = 'http';
    u.username = 'me@';
    u.port = '99999';
    return [first, params, u.href, String(u), JSON.stringify(u)];
  },
  'tags': () => [Object.prototype.toString.call(new URL('http://a')), URL.name, new URL('http://a').constructor === URL, new URL('http://a') instanceof URL],
  'parameters': () =>
    ['a=1&b=2&a=3', '?x=%20y+z&empty&=v', 'bad=%zz%', 'ü=é&emoji=%F0%9F%98%80', "sym=~!*()'-._", 'a=b=c', '&&a', 'x=%E4'].map((query) => {
      const params = new URLSearchParams(query);
      return [[...params], params.toString(), params.getAll('a'), params.has('a', '3'), params.size];
    }),
  'parameters of objects': () => [
    new URLSearchParams({ a: '1', b: '2' }).toString(), new URLSearchParams([['x', 'ä'], ['x', '2']]).toString(), new URLSearchParams(new Map([['m', '1']]) as never).toString(),
    new URLSearchParams(new URLSearchParams('q=1')).toString(),
  ],
  'a pair of three': () => new URLSearchParams([['a', 'b', 'c']] as never),
  'sorted and deleted'() {
    const params = new URLSearchParams('z=1&a=2&z=3&ﬃ=4&🌈=5');
    params.sort();
    const sorted = params.toString();
    params.delete('z', '1');
    const seen: string[] = [];
    params.forEach((value, name) => seen.push(name + value));
    return [sorted, params.toString(), seen, [...params.keys()], [...params.values()]];
  },
};
