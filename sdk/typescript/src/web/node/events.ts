// The module `events`, by the package `events`.
import EventEmitter from '@toolchain/events';

const { once, defaultMaxListeners } = EventEmitter;
export const captureRejectionSymbol = Symbol.for('nodejs.rejection');
export const errorMonitor = Symbol('events.errorMonitor');
export { EventEmitter, once, defaultMaxListeners };
export default EventEmitter;
export { EventEmitter as 'module.exports' };
