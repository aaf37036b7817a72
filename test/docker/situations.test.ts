// Containers as they are found in homelabs, on a real engine: each is served, or says exactly why it is not and how to mend it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Program, startProgram, until } from '../program/program.ts';
import { docker, engineEndpoint, makeWebImage, noEngine } from './containers.ts';

const skip = noEngine() ?? false;
const run = promisify(execFile);
const web = 'situation/web:1';
const two = 'situation/two:1';
const enable = ['--label', 'sallyport.enable=true'];
const label = (name: string, value: string) => ['--label', `sallyport.${name}=${value}`];
const httpd = (port: number) => ['/bin/busybox', 'httpd', '-f', '-p', String(port), '-h', '/www'];

/** What must come of a container: an answer under its name, or a finding, or both. */
interface Situation {
  readonly title: string;
  readonly name: string;
  /** For `docker run`, without name and image; default: one label that publishes. */
  readonly args?: readonly string[];
  readonly image?: string;
  readonly command?: readonly string[];
  /** Default `<name>.localhost`. */
  readonly hostname?: string;
  readonly path?: string;
  readonly status?: number;
  readonly finding?: string;
  /** When it has to be done after the start. */
  readonly after?: () => Promise<unknown>;
  /** It runs beside another one that must exist first. */
  readonly late?: boolean;
}

const compose = (service: string, number = 1, more: readonly string[] = []) => [
  ...enable,
  ...['--label', 'com.docker.compose.project=shop', '--label', `com.docker.compose.service=${service}`],
  ...['--label', `com.docker.compose.container-number=${number}`, ...more],
];

const situations: readonly Situation[] = [
  { title: 'on the default bridge', name: 'plain', status: 200 },
  { title: 'on a network of its own', name: 'own-net', args: [...enable, '--network', 'sit-a'], status: 200 },
  { title: 'on an internal network', name: 'internal', args: [...enable, '--network', 'sit-internal'], status: 200 },
  {
    title: 'on two networks, one of them named',
    name: 'two-nets',
    args: [...enable, ...label('network', 'sit-b'), '--network', 'sit-a'],
    after: () => docked('network', 'connect', 'sit-b', 'two-nets'),
    status: 200,
  },
  {
    title: 'on no network that its label names',
    name: 'wrong-net',
    args: [...enable, ...label('network', 'nowhere')],
    finding: 'E_NO_ADDRESS',
  },
  { title: 'on no network at all', name: 'no-net', args: [...enable, '--network', 'none'], finding: 'E_NO_ADDRESS' },
  {
    title: 'on the host’s network',
    name: 'on-host',
    args: [...enable, ...label('port', '18765'), '--network', 'host'],
    command: httpd(18765),
    status: 200,
  },
  { title: 'published on loopback only', name: 'loopback', args: [...enable, '-p', '127.0.0.1:18766:80'], status: 200 },
  {
    title: 'behind the network of another container',
    name: 'behind-vpn',
    args: [...enable, ...label('port', '8123'), '--network', 'container:plain'],
    command: httpd(8123),
    status: 200,
    late: true,
  },
  { title: 'with two ports, none of them plain', name: 'two-ports', image: two, finding: 'E_NO_PORT' },
  {
    title: 'with two ports, one of them named',
    name: 'named-port',
    image: two,
    args: [...enable, ...label('port', '5001')],
    command: httpd(5001),
    status: 200,
  },
  {
    title: 'with a port that is no number',
    name: 'odd-port',
    args: [...enable, ...label('port', 'http')],
    status: 200,
    finding: 'E_LABEL_INVALID',
  },
  {
    title: 'with two entries, the first',
    name: 'entries',
    args: [
      ...label('a.enable', 'true'),
      ...label('a.hostname', 'entry-a'),
      ...label('b.enable', 'true'),
      ...label('b.hostname', 'entry-b'),
    ],
    hostname: 'entry-a.localhost',
    status: 200,
  },
  {
    title: 'with a path, under it',
    name: 'pathed',
    args: [...enable, ...label('path', '^/index')],
    path: '/index.html',
    status: 200,
  },
  {
    title: 'with a path, beside it',
    name: 'pathed-2',
    args: [...enable, ...label('hostname', 'pathed-2'), ...label('path', '^/api')],
    path: '/other',
    status: 404,
  },
  {
    title: 'with a name of its own',
    name: 'renamed',
    args: [...enable, ...label('hostname', 'another')],
    hostname: 'another.localhost',
    status: 200,
  },
  {
    title: 'with a name in somebody’s zone',
    name: 'foreign',
    args: [...enable, ...label('hostname', 'www.example.org')],
    finding: 'E_ZONE_UNKNOWN',
  },
  {
    title: 'with a name another one has',
    name: 'thief',
    args: [...enable, ...label('hostname', 'another')],
    finding: 'E_CONFLICT',
    late: true,
  },
  {
    title: 'that refuses to be published',
    name: 'refuses',
    args: [...label('enable', 'false'), ...label('hostname', 'refuses')],
    status: 530,
  },
  {
    title: 'with labels but none that publishes',
    name: 'forgotten',
    args: [...label('hostname', 'forgotten')],
    status: 530,
    finding: 'W_NOT_ENABLED',
  },
  {
    title: 'with a label that means nothing',
    name: 'typo',
    args: [...enable, ...label('hostnam', 'x')],
    status: 200,
    finding: 'E_LABEL_INVALID',
  },
  {
    title: 'with a policy nobody defined',
    name: 'no-policy',
    args: [...enable, ...label('access', 'famly')],
    finding: 'E_NO_POLICY',
  },
  {
    title: 'that asks to be routed elsewhere',
    name: 'elsewhere',
    args: [...enable, ...label('service', 'http://169.254.169.254')],
    finding: 'E_LABEL_NOT_ALLOWED',
  },
  {
    title: 'that asks not to be verified',
    name: 'no-verify',
    args: [...enable, ...label('origin.noTLSVerify', 'true')],
    status: 200,
    finding: 'E_LABEL_NOT_ALLOWED',
  },
  { title: 'that speaks TCP', name: 'raw', args: [...enable, ...label('protocol', 'tcp')], status: 426 },
  { title: 'that is paused', name: 'paused', status: 503, after: () => docked('pause', 'paused') },
  {
    title: 'that is unhealthy',
    name: 'unwell',
    args: [...enable, '--health-cmd', '/bin/busybox false', '--health-interval', '200ms', '--health-retries', '1'],
    status: 200,
  },
  {
    title: 'that dies again and again',
    name: 'crashing',
    args: [...enable, '--restart', 'always'],
    command: ['/bin/busybox', 'false'],
    status: 503,
  },
  {
    title: 'that takes a while to listen',
    name: 'slow',
    command: ['/bin/sh', '-c', '/bin/busybox sleep 2; exec /bin/busybox httpd -f -p 80 -h /www'],
    status: 200,
  },
  {
    title: 'that never listens',
    name: 'deaf',
    command: ['/bin/busybox', 'sleep', '600'],
    status: 503,
    finding: 'W_STARTING',
  },
  {
    title: 'of a Compose project',
    name: 'shop-cart-1',
    args: compose('cart'),
    hostname: 'cart.localhost',
    status: 200,
  },
  {
    title: 'that is a second replica',
    name: 'shop-cart-2',
    args: compose('cart', 2),
    hostname: 'cart.localhost',
    status: 200,
  },
  {
    title: 'that Compose runs once',
    name: 'shop-job-run-1',
    args: compose('job', 1, ['--label', 'com.docker.compose.oneoff=True']),
    hostname: 'job.localhost',
    status: 530,
  },
  {
    title: 'labelled for Traefik, which is allowed',
    name: 'traefik-one',
    args: ['--label', 'traefik.enable=true', '--label', 'traefik.http.routers.t.rule=Host(`routed.localhost`)'],
    hostname: 'routed.localhost',
    status: 200,
  },
  {
    title: 'labelled for another tool, which is not',
    name: 'caddy-one',
    args: ['--label', 'caddy=caddy.localhost', '--label', 'caddy.reverse_proxy={{upstreams 80}}'],
    hostname: 'caddy.localhost',
    status: 530,
    finding: 'W_DIALECT_OFF',
  },
];

const docked = (...args: string[]) => run('docker', ['-H', engineEndpoint(), ...args]);

async function start(one: Situation): Promise<void> {
  await docked('run', '-d', '--name', one.name, ...(one.args ?? enable), one.image ?? web, ...(one.command ?? []));
  await one.after?.();
}

/** A few at a time: an engine that is asked for thirty at once gets slower than for one after the other. */
async function startAll(some: readonly Situation[]): Promise<void> {
  const work = some.values();
  const worker = async () => {
    for (const one of work) await start(one);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

describe('a container', { skip }, () => {
  let program: Program;

  before(async () => {
    makeWebImage(web, 80, 'here');
    makeWebImage(two, 5000, 'here', { more: ['EXPOSE 5001'] });
    program = await startProgram({ docker: { endpoints: [engineEndpoint()] }, labels: { dialects: ['traefik'] } });
    for (const name of ['sit-a', 'sit-b']) docker('network', 'create', name);
    docker('network', 'create', '--internal', 'sit-internal');
    await startAll(situations.filter(({ late }) => late !== true));
    // A name belongs to whoever had it first.
    await program.until('plain.localhost', ({ status }) => status === 200);
    await startAll(situations.filter(({ late }) => late === true));
  });
  after(async () => {
    await program?.stop();
    if (skip !== false) return;
    docker('rm', '-f', ...situations.map(({ name }) => name));
    docker('network', 'rm', 'sit-a', 'sit-b', 'sit-internal');
  });

  const service = (name: string) =>
    program
      .status()
      .services.find(
        (one) => one.id === `docker/${name}` || one.id === `docker/${name.replace(/^shop-(\w+)-\d$/, 'shop/$1')}`,
      );

  for (const { title, name, hostname = `${name}.localhost`, path = '/', status, finding } of situations)
    test(`${title}: ${[status, finding].filter((part) => part !== undefined).join(', ')}`, async () => {
      if (finding !== undefined) {
        const found = await until(
          async () => service(name)?.diagnostics.filter(({ code }) => code === finding),
          (some) => (some?.length ?? 0) > 0,
        );
        assert.ok((found?.[0]?.hint ?? '') !== '', 'it says how to mend it');
      }
      if (status !== undefined) await program.until(hostname, (answer) => answer.status === status, path);
      else assert.notEqual((await program.get(hostname, path)).body, 'here');
    });

  test('that is made anew at another address is served there', async () => {
    docker('rm', '-f', 'renamed');
    docker('run', '-d', '--name', 'in-its-place', web);
    await start({ title: '', name: 'renamed', args: [...enable, ...label('hostname', 'another')] });
    const answer = await program.until('another.localhost', ({ status }) => status === 200);
    assert.equal(answer.body, 'here');
    docker('rm', '-f', 'in-its-place');
  });

  test('without a hostname of its own never answers under one of the others', () => {
    const names = program.status().services.flatMap(({ hostnames }) => hostnames);
    assert.deepEqual(
      names.filter((name, at) => names.indexOf(name) !== at),
      [],
    );
  });
});
