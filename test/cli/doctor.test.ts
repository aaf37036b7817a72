// `doctor` against a running program: what is well, and the first thing that is not.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Check } from '../../src/doctor/check.ts';
import { type Program, startProgram } from '../program/program.ts';
import { createHome, type Home, sallyport } from './command.ts';

let home: Home;
let origin: Server;
let program: Program;
let settings: string;
before(async () => {
  home = createHome();
  origin = createServer((request, response) => {
    if (request.headers.host?.startsWith('loop'))
      response.writeHead(302, { location: `https://${request.headers.host}/` });
    response.end('here');
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const { port } = origin.address() as AddressInfo;
  const services = [
    { name: 'app', address: '127.0.0.1', port },
    { name: 'loop', address: '127.0.0.1', port },
    { name: 'gone', address: '127.0.0.1', port: 1 },
  ];
  program = await startProgram({ services });
  await program.pass();
  await program.until('app.localhost', ({ status }) => status === 200);
  settings = home.write(
    'doctor.yml',
    JSON.stringify({
      data_dir: program.dataDir,
      docker: { endpoints: [] },
      services,
      web: { listen: `127.0.0.1:${program.webPort}` },
      embedded_edge: {
        https: `127.0.0.1:${program.httpsPort}`,
        http: `127.0.0.1:${program.httpPort}`,
        api: `127.0.0.1:${program.apiPort}`,
      },
    }),
  );
});
after(async () => {
  await program?.stop();
  origin?.close();
  home?.remove();
});

async function doctor(...names: readonly string[]) {
  const { stdout, stderr, exit } = await sallyport('--settings', settings, '--json', 'doctor', ...names);
  const { checks = [], firstBroken } =
    stdout === '' ? {} : (JSON.parse(stdout) as { checks: Check[]; firstBroken: Check | null });
  return { checks, firstBroken, exit, stderr };
}

describe('`doctor`', () => {
  test('finds every step of a service that works', async () => {
    const { checks, firstBroken, exit } = await doctor('app');
    assert.deepEqual([exit, firstBroken], [0, null], JSON.stringify(checks));
    const steps = checks.filter(({ outcome }) => outcome === 'ok').map(({ step }) => step);
    assert.deepEqual(steps.toSorted(), [
      'api',
      'connector',
      'dns',
      'edge',
      'origin',
      'rule',
      'service',
      'settings',
      'sources',
      'visitor',
    ]);
  });

  for (const [name, words] of [
    ['gone.localhost', /nothing listens/],
    ['loop', /again and again/],
  ] as const)
    test(`names what is broken with ${name}, and exits 1`, async () => {
      const { firstBroken, exit } = await doctor(name);
      assert.equal(exit, 1);
      assert.equal(firstBroken?.step, 'origin');
      assert.match(firstBroken?.message ?? '', words);
    });

  test('without a name examines everything that is published', async () => {
    const about = new Set((await doctor()).checks.map((check) => check.about));
    for (const name of ['app.localhost', 'gone.localhost', 'hello.localhost', 'loop.localhost'])
      assert.ok(about.has(name));
  });

  test('asks back about a name nobody has', async () => {
    const { stderr, exit } = await doctor('ap');
    assert.equal(exit, 1);
    assert.match(stderr, /did you mean app/);
  });

  test('without anything running still says what is wrong first', async () => {
    const alone = home.settings('services: [{ name: app, address: 127.0.0.1, port: 1 }]');
    const { stdout, exit } = await sallyport('--settings', alone, 'doctor', 'app');
    assert.equal(exit, 1);
    assert.match(stdout, /First to mend: /);
  });
});
