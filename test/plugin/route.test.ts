// Services to entries: what is published under which name, and what happens when something is wrong.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IngressEntry, Service, ServiceHints } from '../../src/model.ts';
import type { PluginCatalogue } from '../../src/plugin/catalogue.ts';
import { type RouteContext, routeServices } from '../../src/plugin/route.ts';
import { catalogueOf, codeOf, contextOf, line, pluginOf, serviceOf, stoppedOf } from './sample.ts';

const grafana = pluginOf('grafana', {
  match: { images: ['grafana/grafana'] },
  service: { port: 3000 },
  access: { sensitivity: 'protect' },
});
const portainer = pluginOf('portainer', {
  match: { images: ['portainer/portainer'] },
  access: { sensitivity: 'admin' },
});
const standard = catalogueOf(grafana, portainer);

function route(
  services: Service | readonly Service[],
  context: Partial<RouteContext> = {},
  catalogue: PluginCatalogue = standard,
) {
  const { entries, diagnostics } = routeServices([services].flat(), catalogue, contextOf(context));
  return { entries, lines: entries.map(line), codes: diagnostics.map((one) => one.code), diagnostics };
}

describe('a name', () => {
  const cases: readonly (readonly [string, Partial<Service>, Partial<RouteContext>, string, boolean])[] = [
    ["is the service's", { name: 'grafana' }, { domain: 'localhost' }, 'grafana.localhost', false],
    ['is a DNS label of it', { name: 'My_App.1' }, {}, 'my-app-1.example.com', false],
    ['is the label, with the domain', { hints: { enable: true, hostname: 'g' } }, {}, 'g.example.com', true],
    [
      'is the label alone when it has a dot',
      { hints: { enable: true, hostname: 'g.example.org' } },
      {},
      'g.example.org',
      true,
    ],
    ['may be a wildcard', { hints: { enable: true, hostname: '*.example.com' } }, {}, '*.example.com', true],
  ];
  for (const [name, service, context, expected, explicit] of cases) {
    test(name, () => {
      const [entry] = route(serviceOf(service), context).entries;
      assert.deepEqual([entry?.rule.hostname, entry?.explicit], [expected, explicit]);
    });
  }

  test("is the plugin's subdomain before the service's, after the label", () => {
    const catalogue = catalogueOf(pluginOf('app', { match: { images: ['a/b'] }, ingress: { subdomain: 'photos' } }));
    assert.equal(route(serviceOf({ image: 'a/b' }), {}, catalogue).entries[0]?.rule.hostname, 'photos.example.com');
    const labelled = serviceOf({ image: 'a/b', hints: { enable: true, hostname: 'x' } });
    assert.equal(route(labelled, {}, catalogue).entries[0]?.rule.hostname, 'x.example.com');
  });

  test('that cannot be made of the service is asked for', () => {
    assert.deepEqual(route(serviceOf({ name: '___' })).codes, ['E_LABEL_INVALID']);
  });
});

describe('an entry', () => {
  test('has everything asked for', () => {
    const hints = {
      enable: true,
      hostname: 'g',
      path: '^/x',
      originRequest: { connectTimeout: 5 },
      bypassPaths: ['/health'],
    };
    const { entries, codes } = route(serviceOf({ image: 'grafana/grafana', ports: [], hints }));
    assert.deepEqual(codes, []);
    assert.deepEqual(entries, [
      {
        serviceId: 'docker/app',
        plugin: 'grafana',
        rule: {
          hostname: 'g.example.com',
          path: '^/x',
          service: 'http://10.0.0.2:3000',
          originRequest: { connectTimeout: 5 },
        },
        access: { policy: 'family', bypassPaths: ['/health'] },
        explicit: true,
      },
    ] satisfies IngressEntry[]);
  });

  test('of an unhealthy service stays', () => {
    assert.deepEqual(route(serviceOf({ state: 'unhealthy' })).lines, ['app.example.com → http://10.0.0.2:80 [family]']);
  });

  test('that is held by its labels is not published, and nothing more is said', () => {
    const { lines, codes } = route(serviceOf({ hints: { enable: true, held: 'cannot be read: access' } }));
    assert.deepEqual([lines, codes], [[], []]);
  });

  test("of one service's trouble leaves the others alone", () => {
    const broken = serviceOf({ id: 'docker/broken', name: 'broken', ports: [] });
    const { lines, diagnostics } = route([broken, serviceOf()]);
    assert.deepEqual(lines, ['app.example.com → http://10.0.0.2:80 [family]']);
    assert.deepEqual(
      diagnostics.map(({ code, serviceId }) => [code, serviceId]),
      [['E_NO_PORT', 'docker/broken']],
    );
  });

  test('that is not allowed says what would allow it', () => {
    const { lines, diagnostics } = route(serviceOf({ hints: { enable: true, access: 'public' } }));
    assert.deepEqual(lines, []);
    assert.match(diagnostics[0]?.hint ?? '', /labels\.allow\.public: true/);
  });
});

describe('exposure', () => {
  const plain = { hints: {} };
  const cases: readonly (readonly [string, Partial<Service>, RouteContext['expose'], boolean])[] = [
    ['labelled, without a label', plain, 'labelled', false],
    ['labelled, enabled', {}, 'labelled', true],
    ['labelled, disabled', { hints: { enable: false } }, 'labelled', false],
    ['known, an unknown app', plain, 'known', false],
    ['known, an unknown app enabled', {}, 'known', true],
    ['known, a known app', { ...plain, image: 'grafana/grafana' }, 'known', true],
    ['known, a known app disabled', { hints: { enable: false }, image: 'grafana/grafana' }, 'known', false],
    ['known, an app that controls the machine', { ...plain, image: 'portainer/portainer' }, 'known', false],
    ['known, that app enabled', { image: 'portainer/portainer' }, 'known', true],
    ['all, anything with a port', plain, 'all', true],
    ['all, disabled', { hints: { enable: false } }, 'all', false],
    ['all, without a port', { ...plain, ports: [] }, 'all', false],
  ];
  for (const [name, service, expose, expected] of cases)
    test(`${name}: ${expected}`, () =>
      assert.equal(route(serviceOf(service), { expose }).entries.length === 1, expected));

  describe('of what is not meant for the internet', () => {
    const access = { sensitivity: 'never', reason: 'it is a database' } as const;
    const database = pluginOf('database', { match: { images: ['*/database'] }, access });
    const image = 'my/database';
    const routed = (hints: ServiceHints, expose: RouteContext['expose'], fields: Partial<Service> = {}) =>
      routeServices([serviceOf({ image, hints, ...fields })], catalogueOf(database), contextOf({ expose }));

    const asked: readonly (readonly [string, ServiceHints, RouteContext['expose'], boolean])[] = [
      ['by itself', {}, 'known', false],
      ['by itself', {}, 'all', false],
      ['with enable alone', { enable: true }, 'labelled', false],
      ['with a hostname', { enable: true, hostname: 'db' }, 'all', false],
      ['as another plugin', { enable: true, plugin: 'generic' }, 'all', false],
      ['with detection off', { enable: true, plugin: 'none' }, 'all', false],
      ['with a policy', { enable: true, access: 'admins' }, 'labelled', true],
      ['with a policy alone', { access: 'admins' }, 'all', true],
      ['with a policy alone', { access: 'admins' }, 'known', false],
    ];
    for (const [name, hints, expose, expected] of asked)
      test(`${name}, expose ${expose}: ${expected}`, () =>
        assert.equal(routed(hints, expose).entries.length === 1, expected));

    test('is said where everything is exposed, with the reason and the way', () => {
      const [finding, ...others] = routed({}, 'all').diagnostics;
      assert.deepEqual(others, []);
      assert.deepEqual([finding?.severity, finding?.code], ['info', 'W_NOT_ENABLED']);
      assert.match(finding?.message ?? '', /left out of "expose: all": .*\(it is a database\)$/);
      assert.match(finding?.hint ?? '', /sallyport\.access=<policy>/);
      assert.deepEqual(routed({}, 'all', { ports: [] }).diagnostics, []);
      assert.deepEqual(routed({}, 'known').diagnostics, []);
    });

    test('is refused with the reason where somebody enabled it', () => {
      const [finding] = routed({ enable: true }, 'labelled').diagnostics;
      assert.deepEqual([finding?.severity, finding?.code], ['error', 'E_NO_POLICY']);
      assert.match(finding?.message ?? '', /not meant for the internet \(it is a database\)$/);
      assert.match(finding?.hint ?? '', /name a policy on the service itself/);
    });
  });

  test('of labels without the one that publishes is explained', () => {
    const { codes, diagnostics } = route(serviceOf({ hints: { hostname: 'g' } }));
    assert.deepEqual(codes, ['W_NOT_ENABLED']);
    assert.deepEqual([diagnostics[0]?.severity, diagnostics[0]?.hint], ['info', 'add sallyport.enable=true']);
    assert.deepEqual(route(serviceOf({ hints: {} })).codes, []);
    assert.deepEqual(route(serviceOf({ hints: { hostname: 'g', enable: false } })).codes, []);
  });
});

describe('named entries', () => {
  const entries = { api: { port: 9000, path: '^/api' }, web: { port: 8000 } };
  const ports = [8000, 9000].map((number) => ({ number, protocol: 'tcp' }) as const);

  test('stand alone when only they say how to route', () => {
    assert.deepEqual(route(serviceOf({ entries, ports })).lines, [
      'app.example.com^/api → http://10.0.0.2:9000 [family]',
      'app.example.com → http://10.0.0.2:8000 [family]',
    ]);
  });

  test('stand beside the unnamed one when that says so too', () => {
    const service = serviceOf({
      entries: { api: { port: 9000, hostname: 'api' } },
      ports,
      hints: { enable: true, port: 8000 },
    });
    assert.deepEqual(route(service).lines, [
      'app.example.com → http://10.0.0.2:8000 [family]',
      'api.example.com → http://10.0.0.2:9000 [family]',
    ]);
  });

  test('are switched by themselves, but never against the container', () => {
    const own = { web: { enable: true, port: 8000 }, api: { enable: false, port: 9000 } };
    assert.equal(route(serviceOf({ entries: own, ports, hints: {} })).lines.length, 1);
    assert.deepEqual(route(serviceOf({ entries: own, ports, hints: { enable: false } })).lines, []);
  });

  test('name their own label when a port is missing', () => {
    const { diagnostics } = route(serviceOf({ entries: { web: { hostname: 'w' } }, ports: [] }));
    assert.match(diagnostics[0]?.hint ?? '', /sallyport\.web\.port/);
  });
});

describe('a stopped service', () => {
  test('keeps its entries, with 503 behind them', () => {
    const entries = { api: { port: 9000, path: '^/api', access: 'admins' }, web: { hostname: 'w' } };
    assert.deepEqual(route(stoppedOf(serviceOf({ entries }))).lines, [
      'app.example.com^/api → http_status:503 [admins]',
      'w.example.com → http_status:503 [family]',
    ]);
  });

  test('keeps them where everything with a port is exposed, if it had any: its ports are unknown now', () => {
    const service = serviceOf({ hints: {} });
    const { entries } = route(service, { expose: 'all' });
    assert.equal(route(stoppedOf(service), { expose: 'all', previous: entries }).entries.length, 1);
    assert.equal(route(stoppedOf(service), { expose: 'all' }).entries.length, 0);
  });

  test('keeps none that it may not have', () => {
    assert.deepEqual(route(stoppedOf(serviceOf({ hints: { enable: true, access: 'public' } }))).lines, []);
  });

  test('does not lead to another origin its label names', () => {
    const service = serviceOf({ hints: { enable: true, service: 'http://192.168.1.9:80' } });
    const context = { allow: { public: false, noTlsVerify: false, otherOrigins: true } };
    assert.deepEqual(route(stoppedOf(service), context).lines, ['app.example.com → http_status:503 [family]']);
  });
});

describe('a running service that cannot be reached any more', () => {
  const { address: _address, ...lost } = serviceOf({ ports: [] });

  test('keeps a name it has, with 503 behind it, and gets no new one', () => {
    const previous = route(serviceOf()).entries;
    assert.deepEqual(route(lost, { previous }).lines, ['app.example.com → http_status:503 [family]']);
    assert.deepEqual(route(lost).lines, []);
  });

  test('keeps nothing once its label leads elsewhere', () => {
    const previous = route(serviceOf()).entries;
    const service = serviceOf({ hints: { enable: true, service: 'http://evil.example:80' } });
    assert.deepEqual(route(service, { previous }).lines, []);
  });

  test('is explained once: by its source when that is Docker', () => {
    assert.deepEqual(route(lost).codes, []);
    assert.deepEqual(route({ ...lost, hints: {} }, { expose: 'all' }).codes, []);
    assert.deepEqual(route({ ...lost, source: 'file' }).codes, ['E_NO_ADDRESS']);
  });
});

describe('a plugin that cannot be used', () => {
  test('publishes none of the services it matches, and says why', () => {
    const catalogue = catalogueOf({ ...grafana, problem: 'it has code, and code is not allowed' });
    const { lines, codes } = route(
      [serviceOf({ image: 'grafana/grafana' }), serviceOf({ id: 'docker/b', name: 'b' })],
      {},
      catalogue,
    );
    assert.deepEqual(lines, ['b.example.com → http://10.0.0.2:80 [family]']);
    assert.deepEqual(codes, ['E_PLUGIN_INVALID']);
  });

  test('that a label names and nobody knows publishes nothing', () => {
    assert.deepEqual(route(serviceOf({ hints: { enable: true, plugin: 'grafanna' } })).codes, ['E_LABEL_INVALID']);
  });
});

describe("a plugin's code", () => {
  const image = 'a/b';
  const withCode = (code: ReturnType<typeof codeOf>) =>
    catalogueOf(pluginOf('app', { match: { images: [image] } }, code));
  const service = serviceOf({ image });

  test('gets the entries of the manifest and gives its own', () => {
    const catalogue = withCode(
      codeOf((_service, defaults, context) => [
        ...defaults,
        context.entry({ service: 'http://10.0.0.2:81', subdomain: 'two', access: 'admins' }),
      ]),
    );
    assert.deepEqual(route(service, {}, catalogue).lines, [
      'app.example.com → http://10.0.0.2:80 [family]',
      'two.example.com → http://10.0.0.2:81 [admins]',
    ]);
  });

  test('knows the access that applies and may refuse', () => {
    const catalogue = withCode(
      codeOf((_service, _defaults, context) => {
        context.warn(`no: ${context.access} ${context.loopbackOnly}`);
        return [];
      }),
    );
    const { lines, diagnostics } = route(service, {}, catalogue);
    assert.deepEqual(lines, []);
    assert.deepEqual(
      diagnostics.map(({ code, message }) => [code, message]),
      [['W_PLUGIN', 'app: no: family false']],
    );
  });

  test('is not asked about what must not be published', () => {
    const catalogue = withCode(
      codeOf(() => {
        throw new Error('asked');
      }),
    );
    assert.deepEqual(route(service, { accessDefault: undefined }, catalogue).codes, ['E_NO_POLICY']);
  });

  test('can leave the label its hostname only', () => {
    const catalogue = withCode(
      codeOf((_service, _defaults, context) => [context.entry({ service: 'http://10.0.0.2:1', subdomain: 'two' })]),
    );
    const labelled = serviceOf({ image, hints: { enable: true, hostname: 'mine' } });
    assert.deepEqual(route(labelled, {}, catalogue).lines, ['mine.example.com → http://10.0.0.2:1 [family]']);
  });

  test('cannot keep a stopped service at an address', () => {
    const catalogue = withCode(
      codeOf((_service, _defaults, context) => [context.entry({ service: 'http://10.0.0.2:1' })]),
    );
    assert.deepEqual(route(stoppedOf(service), {}, catalogue).lines, ['app.example.com → http_status:503 [family]']);
  });

  const nonsense: readonly (readonly [string, (entry: IngressEntry) => unknown])[] = [
    ['nothing', () => undefined],
    ['a string', () => 'x'],
    ['an entry without a rule', ({ rule: _rule, ...entry }) => [entry]],
    ['an entry with more than one knows', (entry) => [{ ...entry, extra: 1 }]],
    ['an entry for another service', (entry) => [{ ...entry, serviceId: 'docker/other' }]],
    ['an entry of another plugin', (entry) => [{ ...entry, plugin: 'other' }]],
    ['an entry more open than asked for', (entry) => [{ ...entry, access: 'public' }]],
    ['an entry with a policy that does not exist', (entry) => [{ ...entry, access: { policy: 'x' } }]],
    ['an entry nobody has to log in for', (entry) => [{ ...entry, access: { policy: 'family', bypassPaths: ['/'] } }]],
    ['an entry with a wild hostname', (entry) => [{ ...entry, rule: { ...entry.rule, hostname: 'a b' } }]],
    ['an entry that leads nowhere', (entry) => [{ ...entry, rule: { ...entry.rule, service: 'nowhere' } }]],
    ['too many entries', (entry) => Array.from({ length: 33 }, () => entry)],
  ];
  for (const [name, answer] of nonsense) {
    test(`that returns ${name} publishes nothing and says so`, () => {
      const code = codeOf((_service, defaults) => answer(defaults[0] as IngressEntry) as readonly IngressEntry[]);
      const { lines, codes } = route(service, {}, withCode(code));
      assert.deepEqual([lines, codes], [[], ['E_PLUGIN_FAILED']]);
    });
  }

  const thrown: readonly unknown[] = [new Error('boom'), 'boom', null, undefined];
  for (const value of thrown) {
    test(`that throws ${String(value)} harms no other service`, () => {
      const catalogue = withCode(
        codeOf(() => {
          throw value;
        }),
      );
      const { lines, codes } = route([service, serviceOf({ id: 'docker/b', name: 'b' })], {}, catalogue);
      assert.deepEqual([lines, codes], [['b.example.com → http://10.0.0.2:80 [family]'], ['E_PLUGIN_FAILED']]);
    });
  }

  test('cannot change the service for those after it', () => {
    const catalogue = withCode(
      codeOf((given, defaults) => {
        Object.assign(given.hints, { access: 'public', enable: false });
        return defaults;
      }),
    );
    assert.equal(route(service, {}, catalogue).lines.length, 1);
    assert.deepEqual(service.hints, { enable: true });
  });

  describe('that fails keeps the last entries', () => {
    const failing = withCode(
      codeOf(() => {
        throw new Error('boom');
      }),
    );
    const previous = route(service, {}, withCode(codeOf((_service, defaults) => defaults))).entries;

    test('while they lead to the address of now', () => {
      const { lines, diagnostics } = route(service, { previous }, failing);
      assert.deepEqual(lines, ['app.example.com → http://10.0.0.2:80 [family]']);
      assert.match(diagnostics[0]?.message ?? '', /its last entries stay: boom/);
    });
    test('not when its address is another one by now', () => {
      assert.deepEqual(route({ ...service, address: '10.0.0.22' }, { previous }, failing).lines, []);
    });
    test('not when they are guarded otherwise than asked for now', () => {
      assert.deepEqual(
        route({ ...service, hints: { enable: true, access: 'admins' } }, { previous }, failing).lines,
        [],
      );
    });
    test('not even those that still hold when another one of them does not', () => {
      const [entry] = previous;
      assert.ok(entry !== undefined);
      const moved = { ...entry, rule: { ...entry.rule, hostname: 'b.example.com', service: 'http://10.0.0.9:80' } };
      assert.deepEqual(route(service, { previous: [entry, moved] }, failing).lines, []);
    });
    test('each of several named ones its own', () => {
      const entries = { a: { hostname: 'a' }, b: { hostname: 'b' } };
      const several = { ...service, entries };
      const before = route(several, {}, withCode(codeOf((_service, defaults) => defaults))).entries;
      assert.equal(before.length, 2);
      assert.deepEqual(route(several, { previous: before }, failing).entries, before);
    });
    test('with 503 behind them once it stopped', () => {
      assert.deepEqual(route(stoppedOf(service), { previous }, failing).lines, [
        'app.example.com → http_status:503 [family]',
      ]);
    });
  });
});
