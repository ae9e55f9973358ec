import { autoResize, callHandlerJson, createBridge } from '@holdfast/sdk/iframe';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';

const bridge = createBridge();

async function requestVisits(method: 'GET' | 'POST'): Promise<number> {
  const { visits } = await callHandlerJson<{ visits: number }>(bridge, '/visits', { method });
  return visits;
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App title="__TITLE__" requestVisits={requestVisits} />
  </StrictMode>,
);
bridge.ready();
autoResize(bridge);
