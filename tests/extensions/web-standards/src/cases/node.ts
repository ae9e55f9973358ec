import assert from 'node:assert';
import { Buffer as FromModule } from 'node:buffer';
import EventEmitter, { once } from 'node:events';
import path from 'node:path';
import querystring from 'node:querystring';
import { Readable, Transform, pipeline } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as wait } from 'node:timers/promises';
import legacyUrl from 'node:url';
import util from 'node:util';
import zlib from 'node:zlib';
import type { Cases } from '../run.ts';

const ENCODINGS = ['utf8', 'hex', 'base64', 'base64url', 'latin1', 'ascii', 'utf16le', 'binary', 'ucs2'] as const;
const isWrong = (run: () => void) => { try { run(); return 'holds'; } catch (error) { return [(error as Error).name, (error as { code?: string }).code]; } };

export const node: Cases = {
  'buffers in every encoding': () => ENCODINGS.map((encoding) => [Buffer.from('hé€😀+/').toString(encoding), Buffer.from(Buffer.from('hé~~?').toString(encoding), encoding).toString(), Buffer.byteLength(Buffer.from('hé~~?').toString(encoding), encoding)]),
  'buffers': () => [
    Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString(), Buffer.alloc(3, 'ab').toString(), Buffer.from('abc').equals(Buffer.from('abc')), Buffer.compare(Buffer.from('a'), Buffer.from('b')),
    Buffer.from('hello').indexOf('l'), Buffer.from([1, 2, 3]).readUInt16BE(1), Buffer.from('abc').subarray(1).toString(), Buffer.isBuffer(Buffer.alloc(0)), FromModule === Buffer, Buffer.from('x') instanceof Uint8Array,
    JSON.stringify(Buffer.from('hi')), Buffer.from('ff', 'hex').readInt8(0), Buffer.from('abc').slice(-2).toString(), Buffer.from('test').toString('utf8', 1, 3), Buffer.isEncoding('base64url'), Buffer.from(new Uint8Array([1, 2]).buffer).length,
  ],
  'buffers write and read'() {
    const buffer = Buffer.alloc(32);
    buffer.writeDoubleLE(1.5, 0);
    buffer.writeInt32BE(-5, 8);
    buffer.writeBigUInt64LE(12345678901234n, 12);
    buffer.write('hé', 20);
    return [buffer.toString('hex'), buffer.readDoubleLE(0), buffer.readInt32BE(8), String(buffer.readBigUInt64LE(12)), buffer.swap16().toString('hex')];
  },
  'a bad encoding': () => isWrong(() => Buffer.from('x', 'nope' as never))[0],
  async 'events'() {
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    emitter.on('x', (value) => seen.push(value));
    emitter.once('x', (value) => seen.push(`once ${value}`));
    emitter.prependListener('x', () => seen.push('first'));
    const waited = once(emitter, 'x');
    emitter.emit('x', 1);
    emitter.emit('x', 2);
    return [seen, await waited, emitter.listenerCount('x'), emitter.emit('none'), isWrong(() => emitter.emit('error', new RangeError('e')))];
  },
  'inherited events': () => { function Old(this: EventEmitter) { EventEmitter.call(this); } util.inherits(Old as never, EventEmitter); const old = new (Old as never as new () => EventEmitter)(); let got = 0; old.on('a', (n) => { got = n; }); old.emit('a', 4); return got; },
  'path': () => [path.join('/a', '../b', './c'), path.resolve('/a', 'b', '../c'), path.basename('/x/y.txt', '.txt'), path.extname('a.b.c'), path.dirname('/a/b'), path.relative('/a/b', '/a/c/d'), path.normalize('/a//b/../c/.'), path.isAbsolute('a'), path.parse('/home/u/f.txt'), path.format({ dir: '/d', base: 'b' }), path.sep, path.posix === path],
  'querystring': () => [querystring.parse('a=1&b=2&a=3&c=%20+x'), querystring.stringify({ a: [1, 2], b: 'ü x' }), querystring.escape('a b'), querystring.unescape('%20')],
  'legacy urls': () => { const { protocol, auth, host, pathname, search, query, hash } = legacyUrl.parse('http://u:p@x.test:80/a/b?c=d#e', true); return [protocol, auth, host, pathname, search, { ...query }, hash, legacyUrl.resolve('/one/two', 'three'), legacyUrl.format({ protocol: 'http', host: 'x.test', pathname: '/a', query: { b: 1 } })]; },
  'urls of files': () => [legacyUrl.fileURLToPath('file:///a%20b'), legacyUrl.pathToFileURL('/a b#c').href, legacyUrl.domainToASCII('español.com'), legacyUrl.domainToUnicode('xn--espaol-zwa.com'), legacyUrl.URL === URL],
  'util': () => [
    util.format('%s %d %i %j %%', 'a', 1.5, 2.9, { a: 1 }), util.format('x', { a: 1 }, 'y'), util.isDeepStrictEqual({ a: [1, new Date(0)] }, { a: [1, new Date(0)] }), util.isDeepStrictEqual([1], ['1']),
    util.inspect({ a: 1, b: 'x', c: [1, 2, { d: { e: { f: 1 } } }], m: new Map([['k', 1]]), s: new Set([1]), n: null, u: undefined, f() {}, [Symbol('y')]: 1n }), util.inspect("it's"), util.types.isDate(new Date()), util.types.isRegExp(/a/),
  ],
  'promisified': async () => [await util.promisify((value: number, done: (error: null, result: number) => void) => done(null, value + 1))(1), await util.promisify((done: (error: Error) => void) => done(new TypeError('x')))().catch((error: Error) => error.name)],
  'assert': () => [isWrong(() => assert.equal(1, 2)), isWrong(() => assert.deepStrictEqual({ a: 1 }, { a: 1 })), isWrong(() => assert(0)), isWrong(() => assert.throws(() => { throw new TypeError('x'); }, TypeError)), isWrong(() => assert.deepEqual([1], ['1'])), isWrong(() => assert.strict.equal(1, '1'))],
  async 'streams'() {
    const upper = new Transform({ transform(chunk, _encoding, done) { done(null, String(chunk).toUpperCase()); } });
    const seen: string[] = [];
    upper.on('data', (chunk) => seen.push(String(chunk)));
    await util.promisify(pipeline)(Readable.from(['a', 'b']), upper);
    const read: unknown[] = [];
    for await (const chunk of Readable.from([1, 2, 3])) read.push(chunk);
    return [seen.join(''), read];
  },
  'decoders': () => { const decoder = new StringDecoder('utf8'); return [decoder.write(Buffer.from([0xe2, 0x82])), decoder.write(Buffer.from([0xac])), decoder.end()]; },
  'timers': async () => wait(1, 'done'),
  'zlib': () => [zlib.gunzipSync(zlib.gzipSync('hello')).toString(), zlib.inflateSync(zlib.deflateSync(Buffer.from('x'.repeat(1000)))).length, zlib.inflateRawSync(zlib.deflateRawSync('y')).toString(), zlib.unzipSync(Buffer.from('H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==', 'base64')).toString(), isWrong(() => zlib.gunzipSync(Buffer.from('nope nope nope')))[0]],
  'the environment': () => [typeof process.env, process.env['SURELY_NOT_SET'], typeof process.nextTick, typeof process.hrtime.bigint(), process.cwd().startsWith('/')],
  'next ticks': async () => { const order: string[] = []; await new Promise<void>((resolve) => { process.nextTick((text: string) => { order.push(text); resolve(); }, 'tick'); order.push('now'); }); return order; },
};
