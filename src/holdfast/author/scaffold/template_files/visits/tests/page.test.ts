import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeVisits } from '../ui/src/text';

test('the page says how many visits there are', () => {
  assert.deepEqual([0, 1, 2].map(describeVisits), ['No visits yet.', 'One visit.', '2 visits.']);
});
