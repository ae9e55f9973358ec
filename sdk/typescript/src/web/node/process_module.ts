// The module `process`.
import { process } from './process.ts';

export default process;
export { process as 'module.exports' };
export const { env, argv, nextTick, platform, version, versions, cwd, hrtime, stdout, stderr, uptime, memoryUsage, emitWarning, exit, pid, arch } = process;
