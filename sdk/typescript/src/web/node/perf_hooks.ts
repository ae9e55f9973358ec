// The module `perf_hooks`, as far as a program measures itself.
import { performance } from '../clock/performance.ts';

export { performance };
export default { performance };
