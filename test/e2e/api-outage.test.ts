// The API is down, or takes something from our token, while the edge goes on: what is safe is served, and the rest catches up.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readOnlyZones } from '../../src/app/token-findings.ts';
import { useAway } from '../program/away.ts';
import { until } from '../program/program.ts';

describe('without the API', { timeout: 120_000 }, () => {
  const away = useAway();

  const outages = [
    { name: 'is down', status: 503 },
    { name: 'does not take our token any more', status: 403 },
  ];
  const kinds = [
    { name: 'our own rules', configSrc: 'local' as const },
    { name: 'rules that the edge keeps', configSrc: 'cloudflare' as const },
  ];
  for (const [at, { name, status }] of outages.entries()) {
    for (const { name: kind, configSrc } of kinds) {
      const label = `${configSrc}${at}`;
      test(`with ${kind}, a start while the API ${name} serves what it served, and catches up`, async () => {
        await away.newTunnel(label, configSrc);
        const data_dir = join(away.folder, label);
        const cloudflare = { ...away.withApi(), tunnel: { name: label } };
        const first = await away.start(cloudflare, { data_dir, services: [away.service(`${label}-old`)] });
        await away.served(`${label}-old`);
        await first.pass();
        await away.stop(first);
        await away.served(`${label}-old`, 530);
        away.edge.shut(status);
        const again = await away.start(cloudflare, {
          data_dir,
          services: [away.service(`${label}-old`), away.service(`${label}-new`)],
        });
        assert.equal((await away.served(`${label}-old`)).body, `origin says ${label}-old.example.test`);
        assert.equal((await away.edge.program.get(`${label}-new.example.test`)).status, 530);
        away.edge.open();
        await until(
          async () => void (await again.pass()),
          () => true,
        );
        await away.served(`${label}-new`);
      });
    }
  }

  test('a start while the API is down does not serve rules that lead elsewhere now', async () => {
    await away.newTunnel('moved', 'cloudflare');
    const data_dir = join(away.folder, 'moved');
    const cloudflare = { ...away.withApi(), tunnel: { name: 'moved' } };
    const first = await away.start(cloudflare, { data_dir, services: [away.service('moved')] });
    await away.served('moved');
    await first.pass();
    await away.stop(first);
    away.edge.shut();
    const again = await away.start(cloudflare, { data_dir, services: [away.service('moved', away.port + 1)] });
    await until(
      async () => again.status(),
      ({ revision }) => revision > 0,
    );
    assert.deepEqual(again.status().connector?.connections, []);
    assert.equal((await away.edge.program.get('moved.example.test')).status, 530);
  });

  test('a right that is taken away while running stops that part alone, is named, and comes back', async () => {
    const file = join(away.folder, 'rights.json');
    const write = (...names: string[]) =>
      writeFileSync(file, JSON.stringify({ services: names.map((name) => away.service(name)) }));
    write('before');
    const program = await away.start(
      { ...away.withApi(), tunnel: { name: 'rights' } },
      {},
      { SALLYPORT_SETTINGS: file },
    );
    await away.served('before');
    away.edge.shut(403, /\/dns_records/);
    write('before', 'later');
    const { diagnostics } = await until(
      async () => program.status(),
      (status) => status.diagnostics.some(({ code }) => code === 'E_API_UNAUTHORIZED'),
    );
    const refusal = diagnostics.find(({ code }) => code === 'E_API_UNAUTHORIZED');
    assert.match(refusal?.message ?? '', /^planning DNS: the API token lacks "Zone > DNS > Edit" for example\.test/);
    assert.equal((await away.edge.program.get('before.example.test')).status, 200);
    assert.equal((await away.edge.program.get('later.example.test')).status, 530);
    away.edge.open();
    await program.pass();
    await away.served('later');
  });

  test('a token that may only read the records of a zone is told so at the start', async () => {
    const found = readOnlyZones([
      { id: '1', name: 'a.test', permissions: ['#zone:read', '#dns_records:read'] },
      { id: '2', name: 'b.test', permissions: ['#zone:read', '#dns_records:read', '#dns_records:edit'] },
      { id: '3', name: 'c.test' },
    ]);
    assert.deepEqual(
      found.map(({ code, message }) => [code, message]),
      [['E_API_UNAUTHORIZED', 'the API token lacks "Zone > DNS > Edit" for a.test: its records cannot be written']],
    );
  });
});
