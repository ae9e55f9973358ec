// URL and URLSearchParams of the URL standard, by the whatwg-url package.
import '../encoding/text.ts';
import { URL as StandardURL, URLSearchParams } from '@toolchain/whatwg-url';
import { requestTarget } from '../../runtime/target.ts';
import { define } from '../define.ts';

/** `url`, or the address of the current request if `url` is exactly its target and there is no base. See docs/decisions/0047. */
function known(url: unknown, base: unknown): unknown {
  return base === undefined && typeof url === 'string' ? requestTarget.absolute(url) : url;
}

class URL extends StandardURL {
  constructor(url: unknown, base?: unknown) {
    super(known(url, base), base);
  }

  static canParse(url: unknown, base?: unknown): boolean {
    return StandardURL.canParse(known(url, base), base);
  }

  static parse(url: unknown, base?: unknown): URL | null {
    return URL.canParse(url, base) ? new URL(url, base) : null;
  }
}

define({ URL, URLSearchParams });
