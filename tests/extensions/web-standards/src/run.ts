// Runs groups of cases. The same code runs in a component and in Node: the two answers must be equal.
export type Cases = Record<string, () => unknown>;

/** Errors by what programs see of them; texts differ between implementations. */
async function outcome(run: () => unknown): Promise<unknown> {
  try {
    const value = await run();
    return value === undefined ? '(undefined)' : value;
  } catch (error) {
    return `throws ${(error as Error).name}`;
  }
}

export async function runAll(cases: Cases): Promise<Record<string, unknown>> {
  const outcomes: Record<string, unknown> = {};
  for (const [name, run] of Object.entries(cases)) outcomes[name] = await outcome(run);
  return outcomes;
}

/** Whether `run` fails: for errors whose names are Node's own. */
export const fails = async (run: () => unknown): Promise<boolean> => (async () => run())().then(() => false, () => true);

export const hex = (data: ArrayBuffer | Uint8Array): string => Array.from(new Uint8Array(data as ArrayBuffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const unhex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
