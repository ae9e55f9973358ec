// The module `url`: the URL standard's classes, and the older parser of Node by the package `url`.
import '../url/url.ts';
import { format as formatLegacy, parse, resolve, resolveObject, Url } from '@toolchain/url';
import { toASCII as toPunycode, toUnicode as fromPunycode } from '@toolchain/tr46';

const { URL, URLSearchParams } = globalThis;

function format(url: unknown, options: { auth?: boolean; fragment?: boolean; search?: boolean } = {}): string {
  if (!(url instanceof URL)) return formatLegacy(url);
  const copy = new URL(url.href);
  if (options.auth === false) [copy.username, copy.password] = ['', ''];
  if (options.fragment === false) copy.hash = '';
  if (options.search === false) copy.search = '';
  return copy.href;
}

const domainToASCII = (domain: string): string => toPunycode(domain, { checkBidi: true, checkJoiners: true, transitionalProcessing: false }) ?? '';
const domainToUnicode = (domain: string): string => fromPunycode(domain, { checkBidi: true, checkJoiners: true }).domain;

function fileURLToPath(url: string | URL): string {
  const parsed = new URL(url);
  if (parsed.protocol !== 'file:') throw new TypeError('The URL must be of scheme file');
  return decodeURIComponent(parsed.pathname);
}

const pathToFileURL = (path: string): URL => new URL(`file://${path.startsWith('/') ? '' : '/'}${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`);

const urlToHttpOptions = (url: URL): object => ({
  protocol: url.protocol,
  hostname: url.hostname.replace(/^\[|\]$/g, ''),
  hash: url.hash,
  search: url.search,
  pathname: url.pathname,
  path: url.pathname + url.search,
  href: url.href,
  ...(url.port === '' ? {} : { port: Number(url.port) }),
});

const url = { URL, URLSearchParams, Url, domainToASCII, domainToUnicode, fileURLToPath, format, parse, pathToFileURL, resolve, resolveObject, urlToHttpOptions };
export { URL, URLSearchParams, Url, domainToASCII, domainToUnicode, fileURLToPath, format, parse, pathToFileURL, resolve, resolveObject, urlToHttpOptions };
export default url;
export { url as 'module.exports' };
