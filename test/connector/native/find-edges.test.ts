// Looking for the edge on a machine whose DNS comes up after us.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEdges } from '../../../src/connector/native/find-edges.ts';
import { EdgeError } from '../../../src/errors.ts';
import type { EdgeAddress } from '../../../src/model.ts';
import { createRecordingLogger } from './rig.ts';

const address: EdgeAddress = { host: '192.0.2.1', port: 7844, region: 'region1', family: 4 };
const never = new AbortController().signal;

/** Answers one after the other; gives what was waited for too. */
function search(answers: (readonly EdgeAddress[] | Error)[]) {
  const waits: number[] = [];
  const { logger, lines } = createRecordingLogger();
  const edges = () => {
    const next = answers.shift() ?? [];
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  const clock = {
    now: () => 0,
    sleep: (ms: number) => {
      waits.push(ms);
      return Promise.resolve();
    },
  };
  return { waits, lines, options: { edges, clock, logger, backoff: { firstMs: 100, maxMs: 400 } } };
}

test('it asks again until there is an address, waiting longer each time', async () => {
  const down = new EdgeError({ code: 'E_EDGE_UNREACHABLE', message: 'no DNS', retryable: true, hint: 'is it up?' });
  const { options, waits, lines } = search([down, [], down, down, [address]]);
  assert.deepEqual(await findEdges(options, never), [address]);
  assert.equal(waits.length, 4);
  assert.ok((waits[0] ?? 0) <= 100 && waits.every((ms) => ms <= 400));
  assert.equal(lines.filter(({ fields }) => fields.hint === 'is it up?').length, 3);
});

test('what asking again cannot mend ends the search', async () => {
  const wrong = new EdgeError({ code: 'E_EDGE_UNREACHABLE', message: 'no such region', permanent: true });
  await assert.rejects(findEdges(search([wrong]).options, never), wrong);
});
