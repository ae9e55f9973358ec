// The functions that a component imports, as the engine exposes them. An error case is thrown as an object whose `payload` names it.
declare module 'alga:extension/*' {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  const functions: Record<string, (...args: any[]) => any>;
  export default functions;
}
declare module 'wasi:cli/stderr@0.2.12' {
  const stderr: { getStderr(): { blockingWriteAndFlush(bytes: Uint8Array): void } };
  export default stderr;
}
declare module 'wasi:clocks/monotonic-clock@0.2.12' {
  const clock: { now(): number; subscribeDuration(nanoseconds: number): { block(): void } };
  export default clock;
}
declare module 'wasi:random/random@0.2.12' {
  const random: { getRandomBytes(length: number): Uint8Array<ArrayBuffer> };
  export default random;
}
