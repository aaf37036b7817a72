// The event stream: lines put together again, and which events matter.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLineSplitter, eventFilters, readEvent } from '../../src/sources/docker-events.ts';

describe('lines', () => {
  test('come out whole however the bytes were cut', () => {
    const line = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.replaceAll(/[\n\ud800-\udfff]/g, ''));
    const lines = fc.array(line, { maxLength: 8 });
    fc.assert(
      fc.property(lines, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (written, cuts) => {
        const bytes = Buffer.from(written.map((line) => `${line}\n`).join(''));
        const splitter = createLineSplitter(1_000_000);
        const read: (string | undefined)[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = cuts[turn % cuts.length] ?? 1;
          read.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(read, written);
      }),
    );
  });

  test('over the limit come out as nothing, once, and the next one is whole', () => {
    const splitter = createLineSplitter(10);
    assert.deepEqual(splitter.push(Buffer.from('0123456789')), []);
    assert.deepEqual(splitter.push(Buffer.from('0123456789')), []);
    assert.deepEqual(splitter.push(Buffer.from('x\nshort\n0123456789\n0123456789a\n')), [
      undefined,
      'short',
      '0123456789',
      undefined,
    ]);
  });
});

describe('an event', () => {
  const event = (type: string, action: string, name = 'grafana') =>
    JSON.stringify({ Type: type, Action: action, Actor: { Attributes: { name } }, time: 1700000000 });
  const cases: readonly (readonly [string, string, string | undefined])[] = [
    ['container', 'create', 'create grafana'],
    ['container', 'start', 'start grafana'],
    ['container', 'stop', 'stop grafana'],
    ['container', 'die', 'die grafana'],
    ['container', 'destroy', 'destroy grafana'],
    ['container', 'rename', 'rename grafana'],
    ['container', 'pause', 'pause grafana'],
    ['container', 'unpause', 'unpause grafana'],
    ['container', 'health_status: unhealthy', 'health_status grafana'],
    ['container', 'died', 'died grafana'],
    ['container', 'remove', 'remove grafana'],
    ['container', 'kill', undefined],
    ['container', 'exec_start: sh', undefined],
    ['container', 'connect', undefined],
    ['network', 'connect', 'connect grafana'],
    ['network', 'disconnect', 'disconnect grafana'],
    ['network', 'create', undefined],
    ['image', 'start', undefined],
  ];
  for (const [type, action, reason] of cases) {
    test(`${type} ${action} asks for ${reason ?? 'nothing'}`, () => {
      assert.deepEqual(readEvent(event(type, action)), {
        ...(reason === undefined ? {} : { reason }),
        since: '1700000000',
      });
    });
  }

  test('the engine is asked to send the same ones', () => {
    for (const [type, action, reason] of cases) {
      const sent =
        eventFilters.type?.includes(type) === true && eventFilters.event?.includes(action.split(':')[0] ?? '') === true;
      if (reason !== undefined) assert.ok(sent, `${type} ${action}`);
    }
    assert.ok(eventFilters.event?.includes('kill') === false);
  });

  test('that cannot be read asks for a look, an empty line does not', () => {
    assert.match(readEvent('{"Type":').reason ?? '', /cannot be read/);
    assert.match(readEvent(undefined).reason ?? '', /cannot be read/);
    assert.match(readEvent('[]').reason ?? '', /cannot be read/);
    assert.deepEqual(readEvent(''), {});
  });

  test('with a wild name says only what happened', () => {
    assert.equal(readEvent(event('container', 'start', 'a\u001b[2J')).reason, 'start');
  });
});
