// The `process` that packages expect when they ask where they are: an environment without variables, and nothing that could be ended.
import { atStart, isCalling } from '../../runtime/loop.ts';
import clock from 'wasi:clocks/monotonic-clock@0.2.12';
import { define } from '../define.ts';
import { EventEmitter } from './events.ts';

const nanoseconds = (): bigint => (isCalling() ? BigInt(clock.now()) : 0n);

function hrtime(since?: [number, number]): [number, number] {
  const now = nanoseconds();
  const [seconds, rest] = [Number(now / 1_000_000_000n), Number(now % 1_000_000_000n)];
  if (since === undefined) return [seconds, rest];
  const [whole, part] = [seconds - since[0], rest - since[1]];
  return part < 0 ? [whole - 1, part + 1e9] : [whole, part];
}
hrtime.bigint = nanoseconds;

const stream = (write: (text: string) => void) => ({
  isTTY: false,
  write(text: unknown): boolean {
    write(String(text).replace(/\n$/, ''));
    return true;
  },
});

export const process = Object.assign(new EventEmitter(), {
  env: { NODE_ENV: 'production' } as Record<string, string | undefined>,
  argv: ['node', 'handler.js'],
  execArgv: [],
  execPath: '/node',
  pid: 1,
  ppid: 0,
  title: 'holdfast',
  arch: 'wasm32',
  platform: 'wasi',
  version: '',
  versions: {},
  release: {},
  config: {},
  features: {},
  exitCode: undefined as number | undefined,
  browser: true,
  stdout: stream((text) => console.log(text)),
  stderr: stream((text) => console.error(text)),
  cwd: () => '/',
  chdir(): never {
    throw new Error('process.chdir is unavailable: an extension has no files');
  },
  exit(): never {
    throw new Error('process.exit is unavailable: return a response instead');
  },
  abort(): never {
    throw new Error('process.abort is unavailable: throw an error instead');
  },
  umask: () => 0o22,
  uptime: () => Number(nanoseconds()) / 1e9,
  hrtime,
  memoryUsage: Object.assign(() => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }), { rss: () => 0 }),
  nextTick(run: (...args: unknown[]) => void, ...args: unknown[]): void {
    if (isCalling()) queueMicrotask(() => run(...args));
    else atStart(() => run(...args));
  },
  emitWarning: (warning: unknown): void => console.warn(String(warning)),
  binding(): never {
    throw new Error('process.binding is unavailable in extensions');
  },
  getuid: () => 0,
  geteuid: () => 0,
});

Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });
define({ process });
