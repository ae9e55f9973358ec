// The module `timers`.
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from '../clock/timers.ts';

const clearImmediate = clearTimeout;
const timers = { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout };
export { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout };
export default timers;
