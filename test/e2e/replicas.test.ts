// Several connectors on one tunnel: what holds, and what is told because it does not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { useAway } from '../program/away.ts';
import { type Program, until } from '../program/program.ts';

describe('several connectors on one tunnel', { timeout: 120_000 }, () => {
  const away = useAway();

  test('two connectors on one tunnel serve the same, and no request is lost when one goes', async () => {
    const { token } = await away.newTunnel('replicas', 'cloudflare');
    await away.start({ ...away.withApi(), tunnel: { token } }, { services: [away.service('replicas')] });
    const replica = await away.start({ tunnel: { token } });
    await until(
      async () => replica.status().connector?.connections ?? [],
      (connections) => connections.filter(({ state }) => state === 'connected').length === 4,
    );
    await away.served('replicas');
    await until(
      () => Promise.all(Array.from({ length: 16 }, () => away.edge.program.get('replicas.example.test'))),
      (answers) => answers.every(({ status }) => status === 200),
    );
    let isOver = false;
    const statuses = new Map<number, number>();
    const visitor = async () => {
      while (!isOver) {
        const { status } = await away.edge.program.get('replicas.example.test');
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const visitors = Array.from({ length: 4 }, visitor);
    await until(
      async () => statuses.get(200) ?? 0,
      (count) => count > 20,
    );
    await away.stop(replica);
    const before = statuses.get(200) ?? 0;
    await until(
      async () => statuses.get(200) ?? 0,
      (count) => count > before + 20,
    );
    isOver = true;
    await Promise.all(visitors);
    assert.deepEqual([...statuses.keys()], [200]);
  });

  test('two programs with different owners share a tunnel whose rules the edge keeps', async () => {
    const { token } = await away.newTunnel('shared', 'cloudflare');
    const one = await away.start(
      { ...away.withApi(), tunnel: { token } },
      { services: [away.service('one')], owner: 'first' },
    );
    await away.served('one');
    const two = await away.start(
      { ...away.withApi(), tunnel: { token } },
      { services: [away.service('two')], owner: 'second' },
    );
    await away.served('two');
    for (const program of [one, two, one]) {
      await program.pass();
      await away.served('one');
      await away.served('two');
    }
  });

  test('a tunnel that another connector carries with rules of its own is told as such, not our own last run', async () => {
    const { token } = await away.newTunnel('crowded', 'local');
    const cloudflare = { ...away.withApi(), tunnel: { token } };
    const crowded = (program: Program) => program.status().diagnostics.filter(({ code }) => code === 'W_TUNNEL_SHARED');
    const first = await away.start(cloudflare, { services: [away.service('crowded')] });
    await away.served('crowded');
    await first.pass();
    assert.deepEqual(crowded(first), []);
    const second = await away.start(cloudflare, { services: [away.service('crowd')] });
    await second.pass();
    assert.match(crowded(second)[0]?.message ?? '', /^another connector is on the tunnel "crowded" \(version /);
  });
});
