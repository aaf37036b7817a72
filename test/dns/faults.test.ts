// A life of names in a zone full of others' records, with every write failing once: no moment without a mark, nothing foreign touched, the end as without.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parseMark } from '../../src/dns/ownership.ts';
import { parseRegistryMark } from '../../src/dns/txt-registry.ts';
import type { StoredRecord } from '../../src/edge/store/records.ts';
import type { Fault } from '../cloudflare/api-world.ts';
import {
  createDnsWorld,
  type Decided,
  type DnsWorld,
  externalDns,
  fullName,
  type Instance,
  tunnelTarget,
} from './world.ts';

const forms = ['comment', 'txt'] as const;
type Form = (typeof forms)[number];

interface Life {
  /** What the zone held at the end, without ids and times. */
  readonly end: readonly string[];
  readonly writes: number;
}

/** Made, converted, taken over, given away, pointed elsewhere and removed; each step tried until nothing fails. */
async function live(
  t: TestContext,
  first: Form,
  faultAt?: { readonly write: number; readonly fault: Fault },
): Promise<Life> {
  const world = await createDnsWorld(t);
  const foreign = fill(world);
  const choices: Decided = { adopted: [], released: [] };
  const states = watch(world, foreign, choices);
  let writes = 0;
  world.fault = ({ path }) => {
    if (!path.endsWith('/batch')) return undefined;
    writes++;
    return writes === faultAt?.write ? faultAt.fault : undefined;
  };
  const second = forms.find((form) => form !== first);
  const start = (ownership: Form | undefined) => world.start({ choices, ...(ownership && { ownership }) });
  let home = start(first);

  await persist(home, 'a', 'b', 'c', 'taken');
  home = start(second);
  await persist(home, 'a', 'b', 'c', 'taken');
  choices.adopted = [fullName('taken')];
  await persist(home, 'a', 'b', 'c', 'taken');
  choices.released = [fullName('a')];
  await persist(home, 'a', 'b', 'c', 'taken');
  world.edit(world.record('b'), { content: 'x.example.net' });
  home = start(first);
  await persist(home, 'c', 'taken');
  await persist(home, 'd');
  assert.deepEqual(states, []);
  const end = world
    .records()
    .map(({ type, name, content, comment }) => [type, name, content, comment ?? '-'].join(' '))
    .filter((line) => !/ (cname-)?f\d/.test(line));
  return { end: end.toSorted(), writes };
}

async function persist(home: Instance, ...names: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) if ((await home.settle(...names)).length === 0) return;
  assert.fail(`${names.join(' ')} still fails`);
}

function fill(world: DnsWorld): readonly StoredRecord[] {
  for (let at = 0; at < 20; at++) {
    world.make('CNAME', `f${at}`, 'x.example.net', { comment: `note ${at}`, ttl: 300 });
    world.make('TXT', `cname-f${at}`, externalDns('k8s'));
  }
  const foreign = world.records();
  world.make('A', 'taken', '192.0.2.1');
  world.make('TXT', 'a-taken', externalDns('k8s'));
  return foreign;
}

/** What was wrong at some moment: a record to our tunnel without a mark of ours, or a foreign record changed. */
function watch(world: DnsWorld, foreign: readonly StoredRecord[], choices: Decided): readonly string[] {
  const wrong: string[] = [];
  world.store.subscribe(() => {
    const records = world.records();
    if (!isDeepStrictEqual(records.slice(0, foreign.length), foreign)) wrong.push('a foreign record was changed');
    const registered = new Set(
      records.flatMap(({ type, name, content }) => {
        const mark = type === 'TXT' ? parseRegistryMark(name, content) : undefined;
        return mark?.owner.id === 'home' ? [mark.hostname] : [];
      }),
    );
    for (const { name, content, comment } of records) {
      if (content !== tunnelTarget || choices.released.includes(name)) continue;
      if (parseMark(comment)?.id !== 'home' && !registered.has(name)) wrong.push(`${name} has no mark`);
    }
    const names = new Set(records.map(({ name }) => name));
    for (const name of registered) if (!names.has(name)) wrong.push(`the mark of ${name} has no record`);
  });
  return wrong;
}

/** Two ways each: a refusal is looked for in halves, an outage ends the attempt. */
const faults: Readonly<Record<Form, readonly (readonly [string, Fault])[]>> = {
  comment: [
    ['is refused', { status: 400 }],
    ['is answered into the void', 'lose-answer'],
  ],
  txt: [
    ['is forbidden', { status: 403 }],
    ['is answered into the void', 'lose-answer'],
  ],
};
for (const first of forms)
  test(`every write of a life that begins with ${first} may fail once, in any way`, { concurrency: 4 }, async (t) => {
    const { end, writes } = await live(t, first);
    assert.ok(writes >= 7, `${writes} writes`);
    assert.equal(end.length, first === 'txt' ? 4 : 3, end.join('\n'));
    const lives = Array.from({ length: writes }, (_, at) =>
      faults[first].map(([name, fault]) => ({ name, fault, write: at + 1 })),
    );
    await Promise.all(
      lives.flat().map(({ name, ...fault }) =>
        t.test(`number ${fault.write} ${name}`, async (inner) => {
          assert.deepEqual((await live(inner, first, fault)).end, end);
        }),
      ),
    );
  });
