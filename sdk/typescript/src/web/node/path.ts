// The module `path`, with the rules of POSIX, by the package `path-browserify`.
import path from '@toolchain/path-browserify';

export const { basename, delimiter, dirname, extname, format, isAbsolute, join, normalize, parse, relative, resolve, sep } = path;
export const posix = path;
export default path;
export { path as 'module.exports' };
