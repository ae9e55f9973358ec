// createCipheriv and createDecipheriv of the module `crypto`, for AES. The text is collected and worked on at the end.
import { cbc, ctr, ecb, gcm } from '@toolchain/@noble/ciphers/aes.js';
import { Buffer } from './buffer.ts';
import { KeyObject, secretBytes } from './keys.ts';

interface Mode {
  encrypt(data: Uint8Array): Uint8Array;
  decrypt(data: Uint8Array): Uint8Array;
}

type Input = string | ArrayBufferView;
const MODES = ['cbc', 'ctr', 'ecb', 'gcm'];
const bytes = (input: Input, encoding?: string): Uint8Array =>
  typeof input === 'string' ? Buffer.from(input, encoding) : new Uint8Array(input.buffer as ArrayBuffer, input.byteOffset, input.byteLength);

export const getCiphers = (): string[] => [128, 192, 256].flatMap((size) => MODES.map((mode) => `aes-${size}-${mode}`));

class Cipher {
  #chunks: Uint8Array[] = [];
  #padding = true;
  #aad: Uint8Array | undefined;
  #tag: Uint8Array | undefined;
  readonly #mode: string;

  constructor(private readonly decrypts: boolean, name: string, private readonly key: Uint8Array, private readonly iv: Uint8Array) {
    const match = /^aes-(128|192|256)-(cbc|ctr|ecb|gcm)$/.exec(name.toLowerCase());
    if (match === null) throw Object.assign(new Error(`Unknown cipher: ${name}`), { code: 'ERR_CRYPTO_UNKNOWN_CIPHER' });
    if (key.length * 8 !== Number(match[1])) throw Object.assign(new RangeError('Invalid key length'), { code: 'ERR_CRYPTO_INVALID_KEYLEN' });
    this.#mode = match[2] as string;
    const size = { cbc: 16, ctr: 16, ecb: 0 }[this.#mode];
    if (size !== undefined && iv.length !== size) throw Object.assign(new TypeError('Invalid initialization vector'), { code: 'ERR_CRYPTO_INVALID_IV' });
  }

  #cipher(): Mode {
    const options = { disablePadding: !this.#padding };
    if (this.#mode === 'cbc') return cbc(this.key, this.iv, options);
    if (this.#mode === 'ecb') return ecb(this.key, options);
    return this.#mode === 'ctr' ? ctr(this.key, this.iv) : gcm(this.key, this.iv, this.#aad);
  }

  setAutoPadding(on = true): this {
    this.#padding = on;
    return this;
  }

  setAAD(data: Input): this {
    this.#aad = bytes(data);
    return this;
  }

  setAuthTag(tag: Input, encoding?: string): this {
    this.#tag = bytes(tag, encoding);
    if (this.#tag.length !== 16) throw new TypeError('Only tags of 16 bytes are supported');
    return this;
  }

  getAuthTag(): Uint8Array {
    if (this.#tag === undefined) throw new Error('There is no tag before final()');
    return Buffer.from(this.#tag);
  }

  update(data: Input, from?: string, to?: string): Uint8Array | string {
    this.#chunks.push(bytes(data, from).slice());
    return to === undefined || to === 'buffer' ? Buffer.alloc(0) : '';
  }

  final(to?: string): Uint8Array | string {
    const whole = Buffer.concat(this.#chunks);
    const result = Buffer.from(this.decrypts ? this.#decrypted(whole) : this.#encrypted(whole));
    return to === undefined || to === 'buffer' ? result : result.toString(to);
  }

  #encrypted(whole: Uint8Array): Uint8Array {
    const result = this.#cipher().encrypt(whole);
    if (this.#mode !== 'gcm') return result;
    this.#tag = result.slice(-16);
    return result.slice(0, -16);
  }

  #decrypted(whole: Uint8Array): Uint8Array {
    if (this.#mode !== 'gcm') return this.#cipher().decrypt(whole);
    if (this.#tag === undefined) throw new Error('Unsupported state or unable to authenticate data');
    try {
      return this.#cipher().decrypt(Buffer.concat([whole, this.#tag]));
    } catch {
      throw new Error('Unsupported state or unable to authenticate data');
    }
  }
}

const keyOf = (key: Input | KeyObject): Uint8Array => (key instanceof KeyObject ? secretBytes(key) : bytes(key));
const ivOf = (iv: Input | null): Uint8Array => (iv === null ? new Uint8Array(0) : bytes(iv));

export const createCipheriv = (name: string, key: Input | KeyObject, iv: Input | null): Cipher => new Cipher(false, name, keyOf(key), ivOf(iv));
export const createDecipheriv = (name: string, key: Input | KeyObject, iv: Input | null): Cipher => new Cipher(true, name, keyOf(key), ivOf(iv));
