import crypto from 'node:crypto';
import type { Cases } from '../run.ts';

const HASHES = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'SHA256', 'RSA-SHA256', 'ripemd160', 'sha3-256'];
const key = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
const iv = key.subarray(0, 16);

// The published example key of RFC 7515, appendix A.3.
const EC = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff
H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp
7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt
-----END PRIVATE KEY-----`;
const EC_PUBLIC = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END PUBLIC KEY-----`;

function cipher(name: string, size: number, nonce: Buffer | null) {
  const encrypting = crypto.createCipheriv(name as 'aes-256-gcm', key.subarray(0, size), nonce as Buffer);
  const encrypted = encrypting.update('secret text, longer than a block', 'utf8', 'hex') + encrypting.final('hex');
  const tag = name.endsWith('gcm') ? encrypting.getAuthTag() : null;
  const decrypting = crypto.createDecipheriv(name as 'aes-256-gcm', key.subarray(0, size), nonce as Buffer);
  if (tag !== null) decrypting.setAuthTag(tag);
  return [encrypted, tag?.toString('hex'), decrypting.update(encrypted, 'hex', 'utf8') + decrypting.final('utf8')];
}

export const nodeCrypto: Cases = {
  'hashes': () => HASHES.map((name) => crypto.createHash(name).update('hé').update(Buffer.from('x')).digest('hex')),
  'encodings of digests': () => [crypto.createHash('md5').update('ff', 'hex').digest('base64'), crypto.createHash('md5').update('x').digest('base64url'), crypto.createHash('md5').update('x').digest().length],
  'a digest twice': () => { const hash = crypto.createHash('md5'); hash.digest(); return hash.digest(); },
  'copies': () => { const hash = crypto.createHash('sha256').update('a'); return [hash.copy().update('b').digest('hex'), hash.digest('hex')]; },
  'hmac': () => [crypto.createHmac('sha256', 'key').update('data').digest('hex'), crypto.createHmac('sha1', key).update('data').digest('base64'), crypto.createHmac('sha512', crypto.createSecretKey(key)).update('').digest('hex')],
  'equal in constant time': () => [crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('a')), crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('b'))],
  'unequal lengths': () => crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('ab')),
  'random': () => [crypto.randomBytes(5).length, typeof crypto.randomUUID(), crypto.randomInt(5) < 5, crypto.randomInt(3, 4), crypto.randomFillSync(new Uint8Array(4)).length],
  'derived': () => [crypto.pbkdf2Sync('p', 's', 10, 20, 'sha1').toString('hex'), crypto.scryptSync('p', 's', 16, { N: 16 }).toString('hex'), Buffer.from(crypto.hkdfSync('sha256', 'k', 's', 'i', 10)).toString('hex')],
  'derived later': () => new Promise((resolve, reject) => crypto.pbkdf2('p', 's', 1, 8, 'sha256', (error, bytes) => (error ? reject(error) : resolve(bytes.toString('hex'))))),
  'ciphers': () => [cipher('aes-256-cbc', 32, iv), cipher('aes-128-ctr', 16, iv), cipher('aes-256-gcm', 32, iv.subarray(0, 12)), cipher('aes-128-ecb', 16, null)],
  'a changed tag': () => { const decrypting = crypto.createDecipheriv('aes-256-gcm', key, iv.subarray(0, 12)); decrypting.setAuthTag(Buffer.alloc(16)); decrypting.update('00', 'hex'); return decrypting.final('hex'); },
  'signatures': () => { const signature = crypto.createSign('SHA256').update('data').sign(EC); return [crypto.createVerify('SHA256').update('data').verify(EC_PUBLIC, signature), crypto.createVerify('SHA256').update('other').verify(EC_PUBLIC, signature), crypto.verify('sha256', Buffer.from('data'), EC_PUBLIC, signature)]; },
  'signatures side by side': () => crypto.sign('sha256', Buffer.from('d'), { key: EC, dsaEncoding: 'ieee-p1363' }).length,
  'keys': () => { const made = crypto.createPrivateKey(EC); return [made.type, made.asymmetricKeyType, made.asymmetricKeyDetails, crypto.createPublicKey(EC_PUBLIC).export({ type: 'spki', format: 'pem' }), crypto.createSecretKey(key).symmetricKeySize]; },
  'an unknown hash': () => crypto.createHash('nope').update('x') && 'made',
  'web crypto': async () => Buffer.from(await crypto.webcrypto.subtle.digest('SHA-1', key)).toString('hex'),
};
