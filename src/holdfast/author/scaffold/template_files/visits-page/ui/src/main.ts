import { autoResize, callHandlerJson, createBridge } from '@holdfast/sdk/iframe';
import { describeVisits } from './text';

const bridge = createBridge();
const output = document.getElementById('visits')!;

/** Reads the visits, or counts one with POST, and shows the result. */
async function show(method: 'GET' | 'POST'): Promise<void> {
  try {
    const { visits } = await callHandlerJson<{ visits: number }>(bridge, '/visits', { method });
    output.textContent = describeVisits(visits);
  } catch (error) {
    output.textContent = error instanceof Error ? error.message : String(error);
  }
}

document.getElementById('count')!.addEventListener('click', () => void show('POST'));
bridge.ready();
autoResize(bridge);
void show('GET');
