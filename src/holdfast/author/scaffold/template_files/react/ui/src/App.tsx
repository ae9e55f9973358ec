import { useEffect, useState } from 'react';
import { describeVisits } from './text';

export interface AppProps {
  title: string;
  /** Reads the visits, or counts one with POST. */
  requestVisits: (method: 'GET' | 'POST') => Promise<number>;
}

export function App({ title, requestVisits }: AppProps) {
  const [text, setText] = useState('Loading …');

  async function show(method: 'GET' | 'POST'): Promise<void> {
    try {
      setText(describeVisits(await requestVisits(method)));
    } catch (error) {
      setText(error instanceof Error ? error.message : String(error));
    }
  }

  useEffect(() => void show('GET'), []);

  return (
    <>
      <h1>{title}</h1>
      <p id="visits" role="status">
        {text}
      </p>
      <button id="count" type="button" onClick={() => void show('POST')}>
        Count a visit
      </button>
    </>
  );
}
