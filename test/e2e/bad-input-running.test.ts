// The program as a process while its settings, its credentials and its neighbours go wrong, and what it keeps to itself meanwhile.
import assert from 'node:assert/strict';
import { globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { createHome, type Home, sallyport } from '../cli/command.ts';
import { connectTest } from '../edge/test-connector.ts';
import { type Answer, until, visit } from '../program/program.ts';
import { freePorts, type RunningProcess, startProcess } from './process.ts';
import { keepVisiting } from './steady.ts';

let home: Home;
let running: RunningProcess;
let ports: { http: number; https: number; tunnel: number; api: number; web: number };
let file: string;

const get = (hostname: string): Promise<Answer> => visit(ports.http, hostname, '/');
const web = (path: string): Promise<Answer> => visit(ports.web, 'localhost', path);
const answers = (hostname: string, wanted: number) =>
  until(
    () => get(hostname),
    ({ status }) => status === wanted,
  );
/** What was logged from now on, as soon as a line is like this. */
function says(pattern: RegExp): Promise<string> {
  const already = running.output().length;
  return until(
    async () => running.output().slice(already),
    (output) => pattern.test(output),
  );
}

function settings(lines: string): string {
  const at = (port: number) => `"127.0.0.1:${port}"`;
  const edge = `{ http: ${at(ports.http)}, https: ${at(ports.https)}, tunnel: ${at(ports.tunnel)}, api: ${at(ports.api)} }`;
  return home.settings(
    `embedded_edge: ${edge}\nweb: { listen: ${at(ports.web)} }\ngrace: 1s\nlog: { level: trace }\n${lines}`,
  );
}

const good = 'services:\n  - { name: good, service: hello_world }\n';

before(async () => {
  home = createHome();
  const [http = 0, https = 0, tunnel = 0, api = 0, webPort = 0] = await freePorts(5);
  ports = { http, https, tunnel, api, web: webPort };
  file = settings(good);
  running = await startProcess(file, ports.web);
  await answers('good.localhost', 200);
});
after(async () => {
  await running?.kill();
  home?.remove();
});

describe('settings that go wrong while the program runs', () => {
  const cases: readonly [name: string, text: () => string, says: RegExp][] = [
    ['no YAML', () => 'services: [', /settings not applied/],
    ['an unknown key', () => settingsText(`${good}servces: []\n`), /unknown key .*servces.*did you mean .*services/],
    [
      'an impossible service',
      () => settingsText('services: [{ name: good, service: "http://" }]\n'),
      /http:\/\/ is an invalid address.*\/services\/0\/service/,
    ],
  ];

  function settingsText(lines: string): string {
    const text = readFileSync(settings(lines), 'utf8');
    settings(good);
    return text;
  }

  for (const [name, text, pattern] of cases)
    test(`${name}: nothing is applied, and the log says what and where`, async () => {
      const visitor = keepVisiting({ get }, 'good.localhost');
      try {
        const said = says(pattern);
        writeFileSync(file, text());
        const output = await said;
        const line = output.split('\n').find((one) => pattern.test(one)) ?? '';
        assert.equal(JSON.parse(line).msg, 'settings not applied');
        assert.match(JSON.parse(line).where, new RegExp(`^${file}`));
      } finally {
        await visitor.stop();
      }
    });

  test('a file that vanishes changes nothing either', async () => {
    const visitor = keepVisiting({ get }, 'good.localhost');
    try {
      const said = says(/"msg":"settings file is empty or gone/);
      rmSync(file);
      await said;
    } finally {
      await visitor.stop();
    }
  });

  test('mended, it is applied at once', async () => {
    const visitor = keepVisiting({ get }, 'good.localhost');
    try {
      settings(`${good}  - { name: second, service: hello_world }\n`);
      await answers('second.localhost', 200);
    } finally {
      await visitor.stop();
    }
  });

  test('what needs a restart is named in the log and waits', async () => {
    const said = says(/"keys":\["domain"\],"msg":"changed settings that need a restart"/);
    settings(`${good}domain: other.example\n`);
    await said;
    assert.equal((await get('good.localhost')).status, 200);
    assert.equal((await get('good.other.example')).status, 530);
    settings(good);
  });
});

describe('commands beside the running program', () => {
  const api = async (path: string) => {
    const token = readFileSync(join(home.dataDir, 'edge-api-token'), 'utf8').trim();
    const answer = await fetch(`http://127.0.0.1:${ports.api}/client/v4${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return (await answer.json()) as { result: { id: string; connections?: unknown }[] };
  };
  async function world(): Promise<unknown> {
    const zones = (await api('/zones')).result;
    const records = await Promise.all(zones.map(({ id }) => api(`/zones/${id}/dns_records?per_page=100`)));
    const [account] = (await api('/accounts')).result;
    const tunnels = (await api(`/accounts/${account?.id}/cfd_tunnel`)).result.map(
      ({ connections: _, ...rest }) => rest,
    );
    return { zones, records, tunnels };
  }

  test('`plan` asks the running edge, shows what would change and changes nothing', async () => {
    // An entry an earlier test took away leaves only after its grace period.
    await answers('second.localhost', 530);
    const before = await world();
    const other = home.write('other.yml', `${readFileSync(file, 'utf8')}  - { name: planned, service: hello_world }\n`);
    const { stdout, exit } = await sallyport('--settings', other, 'plan', '--detailed-exitcode');
    assert.equal(exit, 3);
    assert.match(stdout, /create +file\/planned +planned\.localhost/);
    assert.deepEqual(await world(), before);
    assert.equal((await get('planned.localhost')).status, 530);
  });

  test('`apply` lets the running program do it', async () => {
    const revision = JSON.parse((await web('/api/status')).body).revision;
    const { stdout, exit } = await sallyport('--settings', file, '--json', 'apply');
    assert.equal(exit, 0);
    const applied = JSON.parse(stdout);
    assert.equal(applied.by, 'running instance');
    assert.ok(applied.revision > revision);
  });

  test('a second program on the same ports and data ends with one error, and the first goes on', async () => {
    const visitor = keepVisiting({ get }, 'good.localhost');
    try {
      const { stderr, exit } = await sallyport('run', '--settings', file);
      assert.equal(exit, 1);
      assert.match(stderr, /^error E_LISTEN: [^\n]*\(web\.listen\)[^\n]*\n$/);
    } finally {
      await visitor.stop();
    }
  });

  test('one on other ports but the same data, too', async () => {
    const visitor = keepVisiting({ get }, 'good.localhost');
    try {
      const free = '"127.0.0.1:0"';
      const text = `data_dir: ${home.dataDir}\ndocker: { endpoints: [] }\nembedded_edge: { http: ${free}, https: ${free}, tunnel: ${free}, api: ${free} }\nweb: { listen: ${free} }\n`;
      const { stderr, exit } = await sallyport('run', '--settings', home.write('twin.yml', text));
      assert.equal(exit, 1);
      assert.match(
        stderr,
        /^error E_STATE: the edge database is in use by another process \(.*edge\.sqlite\): stop the other one.*\n$/,
      );
    } finally {
      await visitor.stop();
    }
  });
});

/** The tunnel's credentials file in the data directory. */
function credentialsFile(): string {
  const [path] = globSync(join(home.dataDir, '????????-*.json'));
  assert.ok(path !== undefined, 'there are credentials');
  return path;
}

const credentials = () =>
  JSON.parse(readFileSync(credentialsFile(), 'utf8')) as { AccountTag: string; TunnelSecret: string; TunnelID: string };

describe('a wrong tunnel secret', () => {
  test('is refused at the tunnel port, whoever brings it, and the real connector goes on', async () => {
    const { AccountTag: accountTag, TunnelID: id, TunnelSecret } = credentials();
    const caPem = readFileSync(join(home.dataDir, 'certificates', 'ca.pem'), 'utf8');
    const right = new Uint8Array(Buffer.from(TunnelSecret, 'base64'));
    const flipped = right.map((byte, index) => (index === 31 ? byte ^ 1 : byte));
    const visitor = keepVisiting({ get }, 'good.localhost');
    try {
      const tunnels = [
        { id, accountTag, secret: flipped },
        { id, accountTag, secret: new Uint8Array() },
        { id, accountTag, secret: right.subarray(0, 31) },
        { id, accountTag: 'somebody-else', secret: right },
        { id: '00000000-0000-4000-8000-000000000000', accountTag, secret: right },
      ];
      for (const tunnel of tunnels) {
        const stranger = await connectTest({ port: ports.tunnel, caPem, tunnel, connIndex: 0, replaceExisting: true });
        assert.ok('error' in stranger.response, inspect(stranger.response));
        assert.ok(!inspect(stranger.response).includes(TunnelSecret));
        assert.equal(stranger.served(), 0);
        await stranger.close();
      }
    } finally {
      await visitor.stop();
    }
  });

  test('in the credentials file is said with what to do, and the page is there', async () => {
    const path = credentialsFile();
    const kept = readFileSync(path, 'utf8');
    await running.stop();
    writeFileSync(path, JSON.stringify({ ...credentials(), TunnelSecret: Buffer.alloc(32, 7).toString('base64') }));
    running = await startProcess(file, ports.web);
    const status = await until(
      async () => JSON.parse((await web('/api/status')).body),
      ({ lastError }) => lastError !== undefined,
    );
    assert.match(status.lastError, /Unauthorized|credentials|secret/i);
    assert.equal(status.ready, false);
    assert.equal((await web('/readyz')).status, 503);
    assert.match(running.output(), /"hint":"[^"]*credentials[^"]*"/i);
    assert.ok(!running.output().includes(Buffer.alloc(32, 7).toString('base64')));
    assert.equal(await running.stop(), 0);
    writeFileSync(path, kept);
  });

  for (const [name, text] of [
    ['garbage', 'not json'],
    ['nothing', ''],
    [
      'another tunnel’s',
      JSON.stringify({ AccountTag: 'x', TunnelSecret: 'AAAA', TunnelID: '00000000-0000-4000-8000-000000000000' }),
    ],
  ] as const)
    test(`${name} in the credentials file: the API is asked, said in the log, and the road opens`, async () => {
      writeFileSync(credentialsFile(), text);
      running = await startProcess(file, ports.web);
      await answers('good.localhost', 200);
      assert.ok(name === 'another tunnel’s' || /credentials file is not usable, asking the API/.test(running.output()));
      assert.equal(statSync(credentialsFile()).mode & 0o777, 0o600);
      if (name !== 'another tunnel’s') await running.stop();
    });
});

describe('what is secret', () => {
  test('is in no output, page, metric, argument or error', async () => {
    const read = (name: string) => readFileSync(join(home.dataDir, name), 'utf8').trim();
    const { TunnelSecret } = credentials();
    const key = read('certificates/ca-key.pem').split('\n')[1] ?? '';
    const secrets = [
      read('web-token'),
      read('edge-api-token'),
      TunnelSecret,
      Buffer.from(TunnelSecret, 'base64').toString('hex'),
      key,
    ];
    assert.ok(secrets.every((secret) => secret.length >= 32));

    const shown = await Promise.all(
      ['/', '/api/status', '/metrics', '/readyz', '/healthz', '/nothing'].map(async (path) => (await web(path)).body),
    );
    const wrong = { method: 'POST', headers: { authorization: 'Bearer wrong' } };
    const refused = await Promise.all(
      [`http://127.0.0.1:${ports.web}/api/pass`, `http://127.0.0.1:${ports.api}/client/v4/zones`].map((url) =>
        fetch(url, wrong),
      ),
    );
    for (const answer of refused) assert.ok([401, 403].includes(answer.status), `${answer.status}`);
    const errors = await Promise.all(refused.map((answer) => answer.text()));
    const { pid } = running.child;
    const processes = [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`].map((path) => readFileSync(path, 'utf8'));
    const commands = await Promise.all(
      [['services'], ['plan'], ['apply'], ['settings', 'check'], ['plugins', 'list']].flatMap((command) =>
        [[], ['--json']].map((json) => sallyport('--settings', file, ...json, ...command)),
      ),
    );
    const everything = [
      running.output(),
      ...shown,
      ...errors,
      ...processes,
      ...commands.flatMap(({ stdout, stderr }) => [stdout, stderr]),
    ];
    for (const secret of secrets) assert.ok(!everything.some((text) => text.includes(secret)));
  });

  test('is in files that only their owner may read', () => {
    for (const name of ['web-token', 'edge-api-token', 'edge.sqlite', 'certificates/ca-key.pem'])
      assert.equal(statSync(join(home.dataDir, name)).mode & 0o077, 0, name);
    assert.equal(statSync(home.dataDir).mode & 0o077, 0);
  });
});
