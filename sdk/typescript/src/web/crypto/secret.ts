// The raw and JSON forms of secret keys.
import { checkJwk, decode, encode, fail, isJwk, materialOf, unsupported } from './key.ts';
import type { Bytes, CryptoKey, JsonWebKey, Usage } from './key.ts';

export function secretFrom(format: string, data: Bytes | JsonWebKey, alg: string | null, extractable: boolean, usages: Usage[]): Bytes {
  if (format === 'raw' && !isJwk(data)) return data;
  if (format !== 'jwk' || !isJwk(data)) return unsupported(`The format ${format} for secret keys`);
  checkJwk(data, 'oct', extractable, usages);
  if (alg !== null && data.alg !== undefined && data.alg !== alg) fail('DataError', `The key is for ${data.alg}, not for ${alg}`);
  return decode(data['k'], 'k');
}

export function exportSecret(format: string, key: CryptoKey, alg: string): Bytes | JsonWebKey {
  const bytes = materialOf<Bytes>(key);
  if (format === 'raw') return bytes.slice();
  if (format !== 'jwk') return unsupported(`The format ${format} for secret keys`);
  return { kty: 'oct', k: encode(bytes), alg, key_ops: [...key.usages], ext: key.extractable };
}
