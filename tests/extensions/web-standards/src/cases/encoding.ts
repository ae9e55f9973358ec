import { bytes, hex } from '../run.ts';
import type { Cases } from '../run.ts';

const TEXTS = ['', 'plain', 'schön €', '😀 and \u{10FFFF}', 'lone \ud800 surrogate', '\udc00', `${'x'.repeat(10_000)}é`, '\ufeffbom'];
const BYTES = [[0x80], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xf0, 0x9f, 0x98], [0xe2, 0x82], [0x61, 0xff, 0x62], [0xef, 0xbb, 0xbf, 0x61], [0xf0, 0x80, 0x41]];
const LABELS = ['utf8', 'UTF-8', ' utf-16le ', 'utf-16', 'utf-16be', 'latin1', 'ascii', 'iso-8859-1', 'windows-1252', 'cp1252', 'iso-8859-15', 'windows-1251', 'koi8-r', 'ibm866', 'macintosh', 'nope', 'iso-8859-2', 'windows-1250'];
const decode = (label: string, list: number[], options?: TextDecoderOptions) => new TextDecoder(label, options).decode(Uint8Array.from(list));
const all = Array.from({ length: 256 }, (_, at) => at);

export const encoding: Cases = {
  'encodes': () => TEXTS.map((text) => hex(bytes(text)).slice(-40)),
  'decodes what it encoded': () => TEXTS.map((text) => new TextDecoder().decode(bytes(text)).slice(-20)),
  'decodes malformed bytes': () => BYTES.map((list) => decode('utf-8', list)),
  'labels': () => LABELS.map((label) => { try { return new TextDecoder(label).encoding; } catch (error) { return (error as Error).name; } }),
  ...Object.fromEntries(BYTES.slice(0, 8).map((list) => [`rejects ${list} when fatal`, () => decode('utf-8', list, { fatal: true })])),
  ...Object.fromEntries(['iso-8859-2', 'iso-8859-15', 'windows-1250', 'windows-1251', 'koi8-r', 'macintosh'].map((label) => [`every byte of ${label}`, () => decode(label, all)])),
  'utf-16': () => [decode('utf-16le', [0x41, 0, 0x3d, 0xd8, 0, 0xde]), decode('utf-16be', [0, 0x41, 0xd8, 0x3d, 0xde, 0]), decode('utf-16le', [0x41]), decode('utf-16le', [0xff, 0xfe, 0x41, 0])],
  'a lone half when fatal': () => decode('utf-16le', [0, 0xd8], { fatal: true }),
  'shift_jis and its like': () => [decode('shift_jis', [0x82, 0xa0]), decode('euc-jp', [0xa4, 0xa2]), decode('gbk', [0xc4, 0xe3]), decode('big5', [0xa7, 0x41]), decode('euc-kr', [0xb0, 0xa1])],
  'a mark is dropped or kept': () => [decode('utf-8', [0xef, 0xbb, 0xbf, 0x61]), decode('utf-8', [0xef, 0xbb, 0xbf, 0x61], { ignoreBOM: true }).length],
  'a stream may be cut anywhere'() {
    const whole = bytes('\ufeffa€😀é');
    return Array.from(whole.keys(), (cut) => {
      const decoder = new TextDecoder();
      return decoder.decode(whole.subarray(0, cut), { stream: true }) + decoder.decode(whole.subarray(cut));
    });
  },
  'a stream that ends too early'() {
    const decoder = new TextDecoder();
    return [decoder.decode(Uint8Array.of(0xe2, 0x82), { stream: true }), decoder.decode(), decoder.decode(Uint8Array.of(0x61))];
  },
  'encodeInto': () => [new TextEncoder().encodeInto('a€😀', new Uint8Array(4)), new TextEncoder().encodeInto('é', new Uint8Array(1)), new TextEncoder().encodeInto('😀', new Uint8Array(10))],
  'buffers and views': () => [new TextDecoder().decode(bytes('hé').buffer), new TextDecoder().decode(new DataView(bytes('xhé').buffer, 1)), new TextDecoder().decode()],
  'base64': () => [btoa('hi\xff'), atob('aGn/'), atob(' aG n/ '), atob('aGk')],
  'base64 of what is no byte': () => btoa('€'),
  'base64 of a wrong length': () => atob('a'),
};
