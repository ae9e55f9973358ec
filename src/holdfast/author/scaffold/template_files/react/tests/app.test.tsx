import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderToString } from 'react-dom/server';
import { App } from '../ui/src/App';

test('the page has its title and a button before the visits are known', () => {
  const html = renderToString(<App title="Visits" requestVisits={async () => 0} />);
  assert.match(html, /<h1>Visits<\/h1>/);
  assert.match(html, /Loading …/);
  assert.match(html, /Count a visit/);
});
