// Packages of the build tools, which the build resolves in its own folder and never in the author's project.
declare module '@toolchain/*';
declare module '@unicode/normalization' {
  /** Entries of a character and what it decomposes into (composed: the pair that composes it), divided by NUL; marks by combining class. */
  const tables: { canonical: string; compatible: string; composed: string; marks: string[] };
  export default tables;
}
