import { autoResize, callHandlerJson, createBridge } from '@alga-psa/extension-iframe-sdk';
import type { Greeting } from '../../src/greeting';

const bridge = createBridge();
const element = (id: string): HTMLElement => document.getElementById(id)!;
const status = element('status');

async function greet(): Promise<void> {
  status.textContent = 'Loading …';
  status.classList.remove('failed');
  try {
    const { message, config, build } = await callHandlerJson<Greeting>(bridge, '/api/greeting');
    element('message').textContent = message;
    element('details').textContent = `Version ${build}; settings: ${JSON.stringify(config)}`;
    status.textContent = '';
  } catch (error) {
    status.classList.add('failed');
    status.textContent = error instanceof Error ? error.message : String(error);
  }
}

element('greet').addEventListener('click', () => void greet());
bridge.ready();
autoResize(bridge);
void greet();
