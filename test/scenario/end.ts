// How a scenario must end: what is there is exactly what the containers ask for, worked out here without the program, and nothing more happens.
import assert from 'node:assert/strict';
import type { Program } from './program.ts';
import { configurationOf, locksOf, readThings, targetOf } from './reality.ts';
import { type Container, hostOf, urlOf } from './script.ts';
import { assertNothingWrong, type World } from './world.ts';

/** What one instance has at the API and in its table, in words and in order. */
export interface Possessions {
  readonly records: readonly string[];
  readonly rules: readonly string[];
  readonly locks: readonly string[];
}

/** What an instance has. */
export function possessionsOf(world: World, program: Program): Possessions {
  const { store } = world;
  const mark = `sallyport owner=${program.owner} `;
  const records = store.zones
    .list()
    .flatMap((zone) => store.records.list(zone.id))
    .filter(({ type, comment }) => type === 'CNAME' && comment?.startsWith(mark) === true)
    .map(({ name, content, proxied, comment }) => `${name} → ${content} ${proxied} ${comment?.slice(mark.length)}`);
  const tunnelId = program.tunnelId() ?? '';
  const all = program.table() ?? configurationOf(store, tunnelId).ingress;
  const mine = new Set(program.script.containers.map(hostOf));
  const rules = all
    .filter(({ hostname }) => hostname !== undefined && (program.isLocal || mine.has(hostname)))
    .map(({ hostname, path = '', service }) => `${hostname}${path} → ${service}`);
  const locks = locksOf(store)
    .filter(({ owner }) => owner === program.owner)
    .map(({ domain, policies }) => `${domain}: ${policies.map(({ name, decision }) => `${decision} ${name}`).join()}`);
  return { records: records.toSorted(), rules: rules.toSorted(), locks: locks.toSorted() };
}

/** What these containers ask for. */
export function wanted(program: Program, containers: readonly Container[]): Possessions {
  const target = targetOf(program.tunnelId() ?? '');
  const policy = (name: string) => `sallyport owner=${program.owner} policy=${name}`;
  const hosts = Map.groupBy(containers, hostOf);
  const locks = containers.flatMap((container) => {
    const { access = 'public', path, bypass = [] } = container;
    if (access === 'public') return [];
    const host = hostOf(container);
    return [
      `${host}${path === undefined ? '' : `${path}*`}: allow ${policy(access)}`,
      ...bypass.map((free) => `${host}${free}: bypass ${policy('no login')}`),
    ];
  });
  return {
    records: [...hosts].map(([host, [first]]) => `${host} → ${target} true resource=docker/${first?.name}`).toSorted(),
    rules: containers
      .map((one) => `${hostOf(one)}${one.path === undefined ? '' : `^${one.path}`} → ${urlOf(one)}`)
      .toSorted(),
    locks: [...new Set(locks)].toSorted(),
  };
}

/** The end of a scenario: what is there is right, another pass asks nothing, a full one changes nothing; and at no step was anything wrong. */
export async function assertRight(
  world: World,
  program: Program,
  containers: readonly Container[] = program.script.containers,
): Promise<void> {
  assertNothingWrong(world);
  assert.deepEqual(possessionsOf(world, program), wanted(program, containers));
  const before = everything(world);
  program.fault = () => undefined;
  program.calls.length = 0;
  await program.pass();
  assert.deepEqual(program.calls, [], 'a steady state makes no call');
  await program.pass({ full: true });
  assertNoWrites(program, 'a full pass');
  assert.deepEqual(everything(world), before);
  assertNothingWrong(world);
}

/** And a process that knows nothing yet finds nothing to do either. */
export async function assertRightAfterRestart(world: World, program: Program): Promise<void> {
  const before = everything(world);
  program.kill();
  program.calls.length = 0;
  program.start();
  await program.pass();
  assertNoWrites(program, 'the first pass of a new process');
  assert.deepEqual(everything(world), before);
  assertNothingWrong(world);
}

/** Only reads were sent. */
export function assertNoWrites(program: Program, what: string): void {
  const writes = program.calls.filter(({ isWrite }) => isWrite).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(writes, [], `${what} changes nothing`);
}

/** The whole API, byte for byte. */
export function everything(world: World): readonly string[] {
  return [...readThings(world.store, () => undefined)].map(([key, { text }]) => `${key} ${text}`);
}
