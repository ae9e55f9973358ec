// Packages of the build tools, which the build resolves in its own folder and never in the author's project.
declare module '@toolchain/*';
