// The bench’s table.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatRow, formatSummary } from './report.ts';
import type { RowReport } from './row.ts';

const report: RowReport = {
  name: 'speed',
  title: 'How fast',
  seconds: 1.4,
  figures: [
    { what: 'good', value: 1, unit: 'ms', target: { atMost: 2 } },
    { what: 'bad', value: 3, unit: 'ms', target: { atMost: 2 } },
    { what: 'plain', value: 3, unit: 'ms' },
  ],
  notes: ['measured with care'],
  missing: [{ what: 'the other program', reason: 'it is not installed' }],
};

describe('the table', () => {
  test('a row shows every figure with its verdict, notes, and what was not measured and why', () => {
    const lines = formatRow(report).split('\n');
    assert.equal(lines[0], 'How fast [speed, 1 s]');
    assert.match(lines[1] ?? '', /^ {2}good +1 ms +≤ 2 ms +met$/);
    assert.match(lines[2] ?? '', /^ {2}bad +3 ms +≤ 2 ms +MISSED$/);
    assert.match(lines[3] ?? '', /^ {2}plain +3 ms$/);
    assert.equal(lines[4], '    measured with care');
    assert.equal(lines[5], '  not measured: the other program: it is not installed');
  });
  test('the summary counts verdicts over all rows', () => {
    assert.equal(formatSummary([report, report]), '2 targets met, 2 missed, 2 not measured');
  });
});
