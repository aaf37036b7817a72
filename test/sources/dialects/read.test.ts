// All of a container's labels together: ours over theirs, tools that disagree, and what is only suggested.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceHints } from '../../../src/model.ts';
import type { DialectName } from '../../../src/sources/dialects/dialect.ts';
import { readLabels } from '../../../src/sources/dialects/read.ts';

interface Asked {
  readonly allowed?: readonly DialectName[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly isRunning?: boolean;
}

function readAll(
  labels: Readonly<Record<string, string>>,
  { allowed = [], environment, isRunning = true }: Asked = {},
) {
  return readLabels(
    {
      labels,
      names: ['app'],
      where: 'container app',
      isRunning,
      ...(environment === undefined ? {} : { environment }),
    },
    { prefix: 'sallyport', dialects: allowed },
  );
}

const lines = (read: ReturnType<typeof readAll>) => read.diagnostics.map(({ code, message }) => `${code} ${message}`);

const traefik = {
  'traefik.http.routers.app.rule': 'Host(`t.example.com`)',
  'traefik.http.services.app.loadbalancer.server.port': '3000',
};
const dockflare = {
  'dockflare.enable': 'true',
  'dockflare.hostname': 'd.example.com',
  'dockflare.service': 'http://app:80',
};

describe('a tool that is not allowed', () => {
  test('is suggested with its name, the hostname and the setting, and changes nothing', () => {
    const read = readAll(traefik);
    assert.deepEqual(read.hints, {});
    assert.deepEqual(read.diagnostics, [
      {
        severity: 'info',
        code: 'W_DIALECT_OFF',
        message: 'container app: its traefik labels ask for t.example.com, and they do not count yet',
        hint: 'add traefik to labels.dialects, or label it sallyport.enable=true',
      },
    ]);
  });

  test('is named beside others, each once for what is new', () => {
    const read = readAll({ ...traefik, ...dockflare, 'homepage.href': 'https://t.example.com' });
    assert.deepEqual(lines(read), [
      'W_DIALECT_OFF container app: its dockflare labels ask for d.example.com, and they do not count yet',
      'W_DIALECT_OFF container app: its traefik labels ask for t.example.com, and they do not count yet',
    ]);
  });

  test('shows a few of many hostnames, and says when it is the default one', () => {
    const rule = [1, 2, 3, 4, 5].map((at) => `Host(\`h${at}.example.com\`)`).join(' || ');
    assert.match(
      lines(readAll({ 'traefik.http.routers.app.rule': rule })).join(),
      /ask for h1\.example\.com, h2\.example\.com, h3\.example\.com and 2 more,/,
    );
    assert.match(lines(readAll({ swag: 'enable' })).join(), /its swag labels ask for its default name,/);
  });

  for (const [about, labels, isRunning] of [
    ['on a container that our own labels publish', { ...traefik, 'sallyport.enable': 'true' }, true],
    ['on one that our own labels keep closed', { ...traefik, 'sallyport.enable': 'false' }, true],
    ['on one that does not run', traefik, false],
    ['with nothing to publish', { 'traefik.enable': 'false', 'homepage.group': 'Media' }, true],
  ] as const) {
    test(`is not suggested ${about}`, () => {
      assert.deepEqual(readAll(labels, { isRunning }).diagnostics, []);
    });
  }

  test('that shares a prefix with another one is suggested once', () => {
    const labels = { 'cloudflare.tunnel.enable': 'true', 'cloudflare.tunnel.hostname': 'a.example.com' };
    assert.equal(readAll(labels).diagnostics.length, 1);
    assert.match(
      lines(readAll({ ...labels, 'cloudflare.tunnel.dns.zone': 'example.com' })).join(),
      /docker-cloudflare/,
    );
  });
});

describe('a tool that is allowed', () => {
  const cases: readonly {
    readonly about: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly hints: ServiceHints;
    readonly entries?: Readonly<Record<string, ServiceHints>>;
  }[] = [
    { about: 'publishes', labels: traefik, hints: { enable: true, hostname: 't.example.com', port: 3000 } },
    {
      about: 'publishes several entries under its own names for them',
      labels: {
        'traefik.http.routers.web.rule': 'Host(`a.example.com`)',
        'traefik.http.routers.api@x.rule': 'Host(`b.example.com`) || Host(`c.example.com`)',
      },
      hints: { enable: true },
      entries: {
        web: { enable: true, hostname: 'a.example.com' },
        'api-x': { enable: true, hostname: 'b.example.com' },
        'api-x-2': { enable: true, hostname: 'c.example.com' },
      },
    },
    {
      about: 'gives way to our labels field by field',
      labels: {
        ...traefik,
        'sallyport.hostname': 'mine',
        'sallyport.access': 'family',
        'sallyport.origin.noTLSVerify': 'no',
      },
      hints: {
        enable: true,
        hostname: 'mine',
        port: 3000,
        access: 'family',
        originRequest: { noTLSVerify: false },
      },
    },
    {
      about: 'gives way to our labels for one of its entries',
      labels: {
        'traefik.http.routers.web.rule': 'Host(`a.example.com`)',
        'traefik.http.routers.api.rule': 'Host(`b.example.com`)',
        'sallyport.api.enable': 'false',
        'sallyport.web.access': 'family',
        'sallyport.network': 'proxy',
      },
      hints: { enable: true, network: 'proxy' },
      entries: {
        web: { enable: true, hostname: 'a.example.com', network: 'proxy', access: 'family' },
        api: { enable: false, hostname: 'b.example.com', network: 'proxy' },
      },
    },
    {
      about: 'stands beside an entry of ours',
      labels: { ...traefik, 'sallyport.metrics.port': '9100', 'sallyport.metrics.enable': 'true' },
      hints: { enable: true },
      entries: {
        app: { enable: true, hostname: 't.example.com', port: 3000 },
        metrics: { enable: true, port: 9100 },
      },
    },
    {
      about: 'comes to one entry where our hostname stands over several of its own',
      labels: {
        'traefik.http.routers.app.rule': 'Host(`a.example.com`) || Host(`b.example.com`)',
        'sallyport.hostname': 'c',
      },
      hints: { enable: true, hostname: 'c' },
    },
    {
      about: 'loses its service where our labels name a port',
      labels: { ...dockflare, 'dockflare.service': 'http://192.168.1.10:80', 'sallyport.port': '81' },
      hints: { enable: true, hostname: 'd.example.com', port: 81 },
    },
    {
      about: 'loses its port where our labels name a service',
      labels: { ...dockflare, 'sallyport.service': 'http://app:81' },
      hints: { enable: true, hostname: 'd.example.com', service: 'http://app:81' },
    },
    {
      about: 'keeps closed what it was told to leave alone',
      labels: { 'traefik.enable': 'false' },
      hints: { enable: false },
    },
    {
      about: 'does not keep closed what our labels publish',
      labels: { 'traefik.enable': 'false', 'sallyport.enable': 'true' },
      hints: { enable: true },
    },
    {
      about: 'changes nothing where ours says enable=false',
      labels: { ...traefik, 'sallyport.enable': 'false' },
      hints: { enable: false },
    },
    {
      about: 'changes nothing where our switch cannot be read',
      labels: { ...traefik, 'sallyport.enable': 'fasle' },
      hints: { enable: false, held: 'cannot be read: enable' },
    },
    {
      about: 'is held by a guard of ours that cannot be read',
      labels: { ...traefik, 'sallyport.access': 'no policy' },
      hints: { enable: true, hostname: 't.example.com', port: 3000, held: 'cannot be read: access' },
    },
  ];
  for (const { about, labels, hints, entries } of cases) {
    test(about, () => {
      const read = readAll(labels, { allowed: ['traefik', 'dockflare'] });
      assert.deepEqual(read.hints, hints);
      assert.deepEqual(read.entries, entries);
    });
  }

  test('has its guard taken for a policy of ours, and for that only', () => {
    const labels = { ...traefik, 'traefik.http.routers.app.middlewares': 'sso@file' };
    const guard = (more: Record<string, string>) =>
      readAll({ ...labels, ...more }, { allowed: ['traefik'] }).hints.guarded;
    assert.match(guard({}) ?? '', /sso@file/);
    assert.match(guard({ 'sallyport.port': '80' }) ?? '', /sso@file/);
    assert.equal(guard({ 'sallyport.access': 'family' }), undefined);
  });

  test('says label by label what does not come along, and how many more there are', () => {
    const headers = Array.from({ length: 30 }, (_, at) => [`traefik.http.services.app.loadbalancer.x${at}`, '1']);
    const said = lines(readAll({ ...traefik, ...Object.fromEntries(headers) }, { allowed: ['traefik'] }));
    assert.equal(said.length, 21);
    assert.equal(
      said[0],
      'W_NOT_CARRIED_OVER container app: traefik.http.services.app.loadbalancer.x0: not carried over: it has no counterpart here',
    );
    assert.equal(said[20], 'W_NOT_CARRIED_OVER container app: and 10 more labels are not carried over');
  });

  test('never repeats what a label holds besides what is wrong with a name', () => {
    const labels = {
      ...traefik,
      'traefik.http.routers.app.middlewares': 'auth',
      'traefik.http.middlewares.auth.basicauth.users': 'admin:secret',
      'tsdproxy.enable': 'true',
      'tsdproxy.authkey': 'secret',
      'homepage.widget.key': 'secret',
      caddy_0: 'a.example.com',
      'caddy_0.reverse_proxy': '{{upstreams}}',
      'caddy_0.basicauth.bob': 'secret',
    };
    const read = readAll(labels, { allowed: ['traefik', 'tsdproxy', 'homepage', 'caddy'] });
    assert.doesNotMatch(JSON.stringify(read), /secret/);
  });
});

describe('two allowed tools', () => {
  test('that disagree: the first one in the settings counts, and that is said', () => {
    const first = readAll({ ...traefik, ...dockflare }, { allowed: ['dockflare', 'traefik'] });
    assert.equal(first.hints.hostname, 'd.example.com');
    assert.deepEqual(lines(first), [
      'W_NOT_CARRIED_OVER container app: traefik.http.routers.app.rule: not carried over: dockflare says otherwise and comes first in labels.dialects',
    ]);
    const second = readAll({ ...traefik, ...dockflare }, { allowed: ['traefik', 'dockflare'] });
    assert.equal(second.hints.hostname, 't.example.com');
    assert.match(lines(second).join(), /dockflare\.hostname: not carried over: traefik says otherwise/);
  });

  test('that agree on a name fill each other’s gaps', () => {
    const read = readAll(
      { 'traefik.http.routers.app.rule': 'Host(`d.example.com`)', ...dockflare },
      { allowed: ['traefik', 'dockflare'] },
    );
    assert.deepEqual(read.hints, { enable: true, hostname: 'd.example.com', port: 80, protocol: 'http' });
    assert.deepEqual(read.diagnostics, []);
  });

  test('that agree on a name and not on the port: the first one counts', () => {
    const labels = { ...traefik, ...dockflare, 'dockflare.hostname': 't.example.com' };
    const read = readAll(labels, { allowed: ['traefik', 'dockflare'] });
    assert.equal(read.hints.port, 3000);
    assert.match(lines(read).join(), /dockflare\.hostname: not carried over/);
  });

  test('of which one guards the name: it is guarded', () => {
    const labels = {
      ...traefik,
      ...dockflare,
      'dockflare.hostname': 't.example.com',
      'dockflare.access.policy': 'bypass',
    };
    const guardedLabels = { ...labels, 'traefik.http.routers.app.middlewares': 'sso@file' };
    for (const allowed of [
      ['traefik', 'dockflare'],
      ['dockflare', 'traefik'],
    ] as const) {
      const { hints } = readAll(guardedLabels, { allowed });
      assert.match(hints.guarded ?? '', /sso@file/);
      assert.equal(hints.access, undefined);
    }
  });

  test('of which one was told to leave it alone: the first one decides', () => {
    const labels = { ...dockflare, 'traefik.enable': 'false' };
    assert.equal(readAll(labels, { allowed: ['traefik', 'dockflare'] }).hints.enable, false);
    const other = readAll(labels, { allowed: ['dockflare', 'traefik'] });
    assert.equal(other.hints.enable, true);
    assert.match(lines(other).join(), /traefik\.enable: not carried over: dockflare says otherwise/);
  });

  test('of which one only knows a port: it completes the other', () => {
    const labels = {
      swag: 'enable',
      'net.unraid.docker.webui': 'http://[IP]:[PORT:8096]/',
      'homepage.href': 'https://media.example.com',
    };
    assert.deepEqual(readAll(labels, { allowed: ['swag', 'unraid', 'homepage'] }).hints, {
      enable: true,
      hostname: 'media.example.com',
      port: 8096,
      protocol: 'http',
    });
    assert.deepEqual(readAll(labels, { allowed: ['unraid'] }).hints, { port: 8096, protocol: 'http' });
  });
});

describe('variables', () => {
  test('count where nginx-proxy is allowed, and are no labels', () => {
    const environment = { VIRTUAL_HOST: 'a.example.com', VIRTUAL_PORT: '8080' };
    const read = readAll({ VIRTUAL_HOST: 'b.example.com' }, { environment, allowed: ['nginx-proxy'] });
    assert.deepEqual(read.hints, { enable: true, hostname: 'a.example.com', port: 8080 });
  });
});
