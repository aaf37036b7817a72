// What the `tunnel` commands print, value for value as cloudflared does.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatInfo, infoFields, tunnelFields } from '../../src/cli/tunnel-output.ts';

const tunnel = { id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8', name: 'home' };
const never = '0001-01-01T00:00:00Z';

describe('times as Go writes them', () => {
  const times: readonly [given: string | undefined, asJson: string][] = [
    ['2026-11-21T20:30:10.123Z', '2026-11-21T20:30:10.123Z'],
    ['2026-11-21T20:30:10.120Z', '2026-11-21T20:30:10.12Z'],
    ['2026-11-21T20:30:10.100Z', '2026-11-21T20:30:10.1Z'],
    ['2026-11-21T20:30:10.010Z', '2026-11-21T20:30:10.01Z'],
    ['2026-11-21T20:30:10.000Z', '2026-11-21T20:30:10Z'],
    ['2026-11-21T20:30:00Z', '2026-11-21T20:30:00Z'],
    ['2026-11-21T20:30:10.123456000Z', '2026-11-21T20:30:10.123456Z'],
    ['2026-11-21T20:30:10.500+01:00', '2026-11-21T20:30:10.5+01:00'],
    ['not a time', 'not a time'],
    [undefined, never],
  ];
  for (const [given, asJson] of times)
    test(`${given ?? 'no time'} is ${asJson}`, () => {
      const at = given === undefined ? {} : { created_at: given, deleted_at: given };
      const made = given === undefined ? {} : { opened_at: given };
      const fields = tunnelFields({ ...tunnel, ...at, connections: [made] });
      assert.deepEqual([fields.created_at, fields.deleted_at], [asJson, asJson]);
      assert.ok(JSON.stringify(fields.connections).includes(`"opened_at":"${asJson}"`));
      const started = given === undefined ? {} : { run_at: given };
      const info = infoFields({ ...tunnel, ...at }, [{ id: 'c', ...started }]);
      assert.equal(info.createdAt, asJson);
      assert.ok(JSON.stringify(info.conns).includes(`"run_at":"${asJson}"`));
    });

  test('for people, a fraction loses its zeros too', () => {
    const text = formatInfo({ ...tunnel, created_at: '2026-11-21T20:30:10.120Z' }, [{ id: 'c' }], false);
    assert.match(text, /^CREATED: {2}2026-11-21 20:30:10\.12 \+0000 UTC$/m);
  });
});
