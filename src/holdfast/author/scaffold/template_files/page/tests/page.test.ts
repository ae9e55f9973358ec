import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeTime } from '../ui/src/text';

test('the page says what time it is', () => {
  assert.equal(describeTime(new Date(2026, 0, 31, 7, 5)), 'It is 07:05.');
});
