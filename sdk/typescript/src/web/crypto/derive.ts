// PBKDF2 and HKDF of the Web Cryptography standard, from the package @noble/hashes.
import { hkdf } from '@toolchain/@noble/hashes/hkdf.js';
import { pbkdf2 } from '@toolchain/@noble/hashes/pbkdf2.js';
import { hashOf } from './hashes.ts';
import { CryptoKey, bytesOf, fail, isJwk, materialOf, unsupported } from './key.ts';
import type { Algorithm, Bytes, Parameters } from './key.ts';

function derivation(name: string, derive: (secret: Bytes, parameters: Parameters, size: number) => Bytes): Algorithm {
  return {
    usages: { secret: ['deriveKey', 'deriveBits'] },
    importKey(format, data, _parameters, extractable, usages) {
      if (format !== 'raw' || isJwk(data)) return unsupported(`The format ${format} for ${name}`);
      if (extractable) fail('SyntaxError', `A key for ${name} cannot be extractable`);
      return new CryptoKey('secret', false, { name }, usages, data);
    },
    deriveBits(parameters, key, length) {
      if (length === null || length % 8 !== 0) return fail('OperationError', 'The length is a number of bits, divisible by 8');
      return length === 0 ? new Uint8Array(0) : derive(materialOf<Bytes>(key), parameters, length / 8);
    },
  };
}

export const PBKDF2 = derivation('PBKDF2', (secret, parameters, size) => {
  const c = Number(parameters['iterations']);
  if (!(c >= 1)) fail('OperationError', 'PBKDF2 needs at least one iteration');
  return pbkdf2(hashOf(parameters['hash']), secret, bytesOf(parameters['salt'], 'salt'), { c, dkLen: size });
});

export const HKDF = derivation('HKDF', (secret, parameters, size) => {
  const hash = hashOf(parameters['hash']);
  if (size > 255 * hash.outputLen) fail('OperationError', 'HKDF cannot derive that many bits');
  return hkdf(hash, secret, bytesOf(parameters['salt'], 'salt'), bytesOf(parameters['info'], 'info'), size);
});
