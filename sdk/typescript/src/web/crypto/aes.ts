// AES-GCM, AES-CBC, AES-CTR and AES-KW of the Web Cryptography standard, from the package @noble/ciphers. Its tables are a megabyte.
import { aeskw, cbc, ctr, gcm } from '@toolchain/@noble/ciphers/aes.js';
import { randomBytes } from '../../runtime/random.ts';
import { CryptoKey, bytesOf, fail, isJwk, materialOf, unsupported } from './key.ts';
import type { Algorithm, Bytes, KeyAlgorithm, Parameters, Usage } from './key.ts';
import { exportSecret, secretFrom } from './secret.ts';
import { register } from './subtle.ts';

interface Cipher {
  encrypt(data: Uint8Array): Bytes;
  decrypt(data: Uint8Array): Bytes;
}

function aes(mode: string, cipher: (key: Bytes, parameters: Parameters) => Cipher): Algorithm {
  const name = `AES-${mode}`;
  const wrap: Usage[] = ['wrapKey', 'unwrapKey'];
  const jwa = (bytes: Uint8Array): string => `A${bytes.length * 8}${mode}`;
  const make = (bytes: Bytes, extractable: boolean, usages: Usage[]): CryptoKey => {
    if (![16, 24, 32].includes(bytes.length)) fail('DataError', `An AES key has 128, 192 or 256 bits, not ${bytes.length * 8}`);
    return new CryptoKey('secret', extractable, { name, length: bytes.length * 8 } satisfies KeyAlgorithm, usages, bytes);
  };
  const encrypt = (parameters: Parameters, key: CryptoKey, data: Bytes): Bytes => cipher(materialOf<Bytes>(key), parameters).encrypt(data);
  const decrypt = (parameters: Parameters, key: CryptoKey, data: Bytes): Bytes => {
    try {
      return cipher(materialOf<Bytes>(key), parameters).decrypt(data);
    } catch (error) {
      if (error instanceof DOMException || error instanceof TypeError) throw error;
      return fail('OperationError', 'The data cannot be decrypted with this key');
    }
  };
  return {
    usages: { secret: mode === 'KW' ? wrap : ['encrypt', 'decrypt', ...wrap] },
    importKey(format, data, _parameters, extractable, usages) {
      const bytes = secretFrom(format, data, null, extractable, usages);
      if (isJwk(data) && data.alg !== undefined && data.alg !== jwa(bytes)) fail('DataError', `The key is for ${data.alg}, not for ${jwa(bytes)}`);
      return make(bytes, extractable, usages);
    },
    exportKey: (format, key) => exportSecret(format, key, jwa(materialOf<Bytes>(key))),
    generateKey(parameters, extractable, usages) {
      if (![128, 192, 256].includes(Number(parameters['length']))) fail('OperationError', 'An AES key has 128, 192 or 256 bits');
      return make(randomBytes(Number(parameters['length']) / 8), extractable, usages);
    },
    ...(mode === 'KW' ? {} : { encrypt, decrypt }),
    wrapKey: encrypt,
    unwrapKey: decrypt,
  };
}

function vector(parameters: Parameters, name: string, length: number | null): Bytes {
  const bytes = bytesOf(parameters[name], name);
  if (length !== null && bytes.length !== length) fail('OperationError', `${name} has ${length} bytes, not ${bytes.length}`);
  return bytes;
}

function gcmOf(key: Bytes, parameters: Parameters): Cipher {
  const size = Number(parameters['tagLength'] ?? 128);
  if (![96, 104, 112, 120, 128].includes(size)) unsupported(`A tag of ${size} bits`);
  const additional = parameters['additionalData'] === undefined ? undefined : bytesOf(parameters['additionalData'], 'additionalData');
  const whole = gcm(key, vector(parameters, 'iv', null), additional) as Cipher;
  if (size === 128) return whole;
  const cut = 16 - size / 8;
  return {
    encrypt: (data) => whole.encrypt(data).slice(0, -cut),
    decrypt: () => unsupported(`Decrypting with a tag of ${size} bits`),
  };
}

/** The counter of AES-CTR is the last `length` bits of the block; the package always counts in all 128. */
function ctrOf(key: Bytes, parameters: Parameters): Cipher {
  const length = Number(parameters['length']);
  if (!(length >= 1 && length <= 128)) fail('OperationError', 'The length of the counter is 1 to 128 bits');
  const counter = vector(parameters, 'counter', 16);
  const start = counter.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) & ((1n << BigInt(length)) - 1n);
  const run = (data: Uint8Array): Bytes => {
    const blocks = BigInt(Math.ceil(data.length / 16));
    if (start + blocks > 1n << BigInt(length)) unsupported('A counter of AES-CTR that wraps around');
    return ctr(key, counter).encrypt(data);
  };
  return { encrypt: run, decrypt: run };
}

register({
  'AES-GCM': aes('GCM', gcmOf),
  'AES-CBC': aes('CBC', (key, parameters) => cbc(key, vector(parameters, 'iv', 16)) as Cipher),
  'AES-CTR': aes('CTR', ctrOf),
  'AES-KW': aes('KW', (key) => aeskw(key) as Cipher),
});
