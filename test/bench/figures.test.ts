// Percentiles, medians, ratios, targets.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Figure, formatFigure, formatTarget, median, meetsTarget, pairedRatio, percentile } from './figures.ts';

describe('percentiles', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  const cases: { name: string; samples: readonly number[]; share: number; expected: number }[] = [
    { name: 'the 99th of a hundred is the second largest', samples: hundred, share: 0.99, expected: 99 },
    { name: 'of few samples it is the largest', samples: [3, 1, 2], share: 0.99, expected: 3 },
    { name: 'the lowest is the smallest', samples: [3, 1, 2], share: 0, expected: 1 },
    { name: 'numbers are not sorted as text', samples: [9, 10, 100], share: 0.5, expected: 10 },
    { name: 'of nothing there is none', samples: [], share: 0.5, expected: Number.NaN },
  ];
  for (const { name, samples, share, expected } of cases)
    test(name, () => assert.equal(percentile(samples, share), expected));

  test('a percentile is a sample that at least so many samples do not exceed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, share) => {
          const value = percentile(all, share);
          assert.ok(all.includes(value));
          assert.ok(all.filter((sample) => sample <= value).length >= share * all.length);
        },
      ),
    );
  });
});

describe('medians', () => {
  test('of an odd number it is the middle one, of an even number the mean of two', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.equal(median([7]), 7);
    assert.ok(Number.isNaN(median([])));
  });
  test('a slow moment in both of a pair does not change their ratio', () => {
    assert.equal(pairedRatio([10, 1, 12], [5, 0.5, 6]), 2);
  });
  test('a pair that is not whole makes the ratio no number', () => {
    assert.ok(Number.isNaN(pairedRatio([1], [])));
  });
});

describe('targets', () => {
  const figure = (value: number, target?: Figure['target']): Figure => ({
    what: 'x',
    value,
    unit: 'ms',
    ...(target === undefined ? {} : { target }),
  });
  const cases: { figure: Figure; met: boolean | undefined }[] = [
    { figure: figure(1), met: undefined },
    { figure: figure(5, { atMost: 5 }), met: true },
    { figure: figure(5.1, { atMost: 5 }), met: false },
    { figure: figure(5, { atLeast: 5 }), met: true },
    { figure: figure(4.9, { atLeast: 5 }), met: false },
    { figure: figure(Number.NaN, { atMost: 5 }), met: false },
    { figure: figure(Number.NaN, { atLeast: 5 }), met: false },
  ];
  for (const { figure: given, met } of cases)
    test(`${given.value} against ${JSON.stringify(given.target)} is ${met}`, () =>
      assert.equal(meetsTarget(given), met));

  test('figures and targets are written with their unit', () => {
    assert.equal(formatFigure(1.314, '×'), '1.31×');
    assert.equal(formatFigure(12.34, 'ms'), '12.3 ms');
    assert.equal(formatFigure(0.123, 'ms'), '0.12 ms');
    assert.equal(formatFigure(4321.9, 'requests/s'), '4322 requests/s');
    assert.equal(formatFigure(0, ''), '0');
    assert.equal(formatTarget(figure(1, { atMost: 150 })), '≤ 150 ms');
    assert.equal(formatTarget(figure(1, { atLeast: 1 })), '≥ 1 ms');
    assert.equal(formatTarget(figure(1)), '');
  });
});
