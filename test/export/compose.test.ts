// Labels and settings that say what is applied: read again they give the same, and no name can add anything.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { appliedState } from '../../src/export/applied.ts';
import { type ComposeExport, composeExport, renderCompose, renderComposeJson } from '../../src/export/compose.ts';
import type { IngressEntry, OriginRequest, Service, ServiceHints } from '../../src/model.ts';
import type { PluginCatalogue } from '../../src/plugin/catalogue.ts';
import { type RouteContext, routeServices } from '../../src/plugin/route.ts';
import { parseLabels } from '../../src/sources/docker-labels.ts';
import { createSettingsSource, type FileService } from '../../src/sources/file.ts';
import { catalogueOf, codeOf, contextOf, pluginOf, serviceOf, stoppedOf } from '../plugin/sample.ts';
import { passOf } from './sample.ts';

interface Scene {
  readonly services: readonly Service[];
  readonly context?: Partial<RouteContext>;
  readonly catalogue?: PluginCatalogue;
}

const open: Partial<RouteContext> = { allow: { public: true, noTlsVerify: true, otherOrigins: true } };

/** The entries of a scene, their export, and what becomes of it when it is read again. */
function exportOf({ services, context = {}, catalogue = catalogueOf() }: Scene) {
  const settings = contextOf(context);
  const route = (some: readonly Service[]) => routeServices(some, catalogue, settings);
  const before = route(services).entries;
  const applied = { ...appliedState(passOf(before)), services };
  const exported = composeExport({ applied, labels: { prefix: 'sallyport', allow: settings.allow }, route });
  const text = renderCompose(exported, applied);
  return { route, applied, exported, text, before: applied.entries };
}

/** The services with the labels of the export, as a Compose that starts them would have them. */
function pasted(services: readonly Service[], text: string): readonly Service[] {
  return services.map((service) => {
    const project = service.id.slice(0, service.id.lastIndexOf('/'));
    const own = documentsOf(text).find((document) => document.comment.includes(` ${project}\n`));
    const labels = own?.value.services?.[service.id.slice(project.length + 1)]?.labels ?? {};
    const interpolated = Object.fromEntries(
      Object.entries(labels).map(([key, value]) => [key, value.replaceAll('$$', '$')]),
    );
    const { hints, entries, diagnostics } = parseLabels(interpolated, { prefix: 'sallyport' }, service.id);
    assert.deepEqual(diagnostics, []);
    const { entries: _entries, ...rest } = service;
    return { ...rest, hints, ...(entries === undefined ? {} : { entries }) };
  });
}

interface ComposeFile {
  readonly services?: Readonly<Record<string, { readonly labels: Readonly<Record<string, string>> }>>;
}

function documentsOf(text: string): readonly { readonly comment: string; readonly value: ComposeFile }[] {
  return text
    .split('---\n')
    .slice(1)
    .map((part) => ({ comment: part.slice(0, part.indexOf('services:')), value: parse(part) as ComposeFile }));
}

function comparable(entries: readonly IngressEntry[]): readonly string[] {
  return entries.map(({ serviceId, rule, access }) => JSON.stringify([serviceId, sorted(rule), access])).sort();
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, sorted(item)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function assertRoundTrip(scene: Scene): ComposeExport {
  const { route, exported, text, before } = exportOf(scene);
  assert.doesNotMatch(text, /compare with/);
  const again = route(pasted(scene.services, text)).entries;
  assert.deepEqual(comparable(again), comparable(before), text);
  return exported;
}

const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/);
const originRequest: fc.Arbitrary<OriginRequest> = fc.record(
  {
    connectTimeout: fc.nat({ max: 86_400 }),
    noTLSVerify: fc.boolean(),
    httpHostHeader: fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/),
    keepAliveConnections: fc.nat({ max: 100 }),
    ipRules: fc.array(fc.record({ prefix: fc.constant('10.0.0.0/8'), allow: fc.boolean() }), { maxLength: 2 }),
    access: fc.record({
      required: fc.boolean(),
      teamName: label,
      audTag: fc.array(label, { minLength: 1, maxLength: 2 }),
    }),
  },
  { requiredKeys: [] },
);
const hints = fc.record(
  {
    hostname: fc.oneof(
      label,
      label.map((name) => `${name}.example.com`),
    ),
    path: fc.constantFrom('^/api', '/x$', '\\.(js|css)$', '^/[0-9]{2,3}$$'),
    port: fc.integer({ min: 1, max: 65_535 }),
    protocol: fc.constantFrom('http', 'https', 'tcp', 'ssh', 'rdp', 'smb'),
    service: fc.constantFrom('http_status:418', 'unix:/run/a$b.sock', 'https://other:8443', 'http://10.0.0.2:81'),
    access: fc.constantFrom('public', 'family', 'admins'),
    bypassPaths: fc.array(fc.constantFrom('/health', '/share/$1', '/.well-known'), { minLength: 1, maxLength: 2 }),
    originRequest,
  },
  { requiredKeys: ['hostname'] },
);
const services: fc.Arbitrary<Service> = fc
  .record({
    hints: fc.record({ enable: fc.constant(true) }).chain((base) =>
      fc.oneof(
        fc.constant(base),
        hints.map((more) => ({ ...more, ...base })),
      ),
    ),
    entries: fc.option(fc.dictionary(fc.stringMatching(/^[a-z]{4,6}x$/), hints, { minKeys: 1, maxKeys: 3 }), {
      nil: undefined,
    }),
  })
  // As every other service is made: generated objects have no prototype.
  .map(({ hints: own, entries }) => {
    const service = serviceOf({ hints: own as ServiceHints });
    return structuredClone(entries === undefined ? service : { ...service, entries: entries as Service['entries'] });
  }) as fc.Arbitrary<Service>;

describe('labels', () => {
  test('give the same entries when they are read again, whatever was asked for', () => {
    fc.assert(
      fc.property(services, (service) => void assertRoundTrip({ services: [service], context: open })),
      { numRuns: 200 },
    );
  });

  test('say everything, in the order a person would', () => {
    const service = serviceOf({
      id: 'docker/home/app',
      ports: [{ number: 32_768, protocol: 'tcp', target: 3000 }],
      hints: { enable: true, bypassPaths: ['/health'], originRequest: { connectTimeout: 90 }, network: 'proxy' },
    });
    const { projects } = assertRoundTrip({ services: [service] });
    assert.deepEqual(projects['docker/home']?.app?.labels, {
      'sallyport.enable': 'true',
      'sallyport.network': 'proxy',
      'sallyport.hostname': 'app.example.com',
      'sallyport.port': '3000',
      'sallyport.protocol': 'http',
      'sallyport.access': 'family',
      'sallyport.access.bypass': '/health',
      'sallyport.origin.connectTimeout': '90',
    });
  });

  test('keep the names of entries', () => {
    const entries = { web: { hostname: 'web' }, api: { hostname: 'web.example.com', path: '^/api' } };
    const { projects } = assertRoundTrip({ services: [serviceOf({ id: 'docker/home/app', entries })] });
    const keys = Object.keys(projects['docker/home']?.app?.labels ?? {});
    assert.deepEqual(
      keys.filter((key) => key.endsWith('hostname')),
      ['sallyport.api.hostname', 'sallyport.web.hostname'],
    );
  });

  test('leave to the plugin what a label may not ask for, and switch off a plugin that adds to what is written', () => {
    const strict = pluginOf('strict', {
      match: { images: ['a/strict'] },
      ingress: { originRequest: { noTLSVerify: true } },
    });
    const twice = pluginOf(
      'twice',
      { match: { images: ['a/twice'] } },
      codeOf((_service, defaults, context) => [
        ...defaults,
        ...(defaults[0] === undefined
          ? []
          : [context.entry({ service: defaults[0].rule.service, hostname: 'also.example.com', subdomain: 'also' })]),
      ]),
    );
    const catalogue = catalogueOf(strict, twice);
    const first = serviceOf({ id: 'docker/home/strict', name: 'strict', image: 'a/strict' });
    const second = serviceOf({ id: 'docker/home/twice', name: 'twice', image: 'a/twice' });
    const { projects } = assertRoundTrip({ services: [first, second], catalogue });
    assert.equal(projects['docker/home']?.strict?.labels['sallyport.origin.noTLSVerify'], undefined);
    assert.equal(projects['docker/home']?.twice?.labels['sallyport.plugin'], 'none');
  });

  test('of a stopped container say what its own labels said', () => {
    const stopped = stoppedOf(
      serviceOf({ id: 'docker/home/app', hints: { enable: true, port: 3000, protocol: 'https' } }),
    );
    const { projects } = assertRoundTrip({ services: [stopped] });
    assert.equal(projects['docker/home']?.app?.labels['sallyport.port'], '3000');
    assert.equal(projects['docker/home']?.app?.labels['sallyport.service'], undefined);
  });

  test('of a Swarm service belong to its deployment, in the file of its stack', () => {
    const service = serviceOf({ id: 'docker/swarm/media_web', name: 'web' });
    const alone = serviceOf({ id: 'docker/swarm/alone', name: 'alone' });
    const { text, exported, applied } = exportOf({ services: [service, alone] });
    const [stack, single] = documentsOf(text);
    assert.equal(stack?.comment, '# docker/swarm/media\n');
    assert.match(
      text,
      /^ {2}web:\n {4}deploy:\n {6}labels:\n {8}sallyport\.enable: "true"\n {8}sallyport\.hostname: /m,
    );
    assert.deepEqual(Object.keys(single?.value.services ?? {}), ['alone']);
    const json = JSON.parse(renderComposeJson(exported, applied)) as { projects: Record<string, unknown> };
    assert.deepEqual(json.projects['docker/swarm/media'], stack?.value);
  });

  test('that cannot say it are marked', () => {
    const loud = pluginOf('loud', {
      match: { images: ['a/loud'] },
      ingress: { originRequest: { httpHostHeader: '' } },
    });
    const service = serviceOf({ id: 'docker/home/app', image: 'a/loud', hints: { enable: true } });
    const { exported, text } = exportOf({ services: [service], catalogue: catalogueOf(loud) });
    assert.match(exported.projects['docker/home']?.app?.note ?? '', /compare with/);
    assert.match(text, /^ {2}# These do not give/m);
  });

  test('have no password', () => {
    const service = serviceOf({ hints: { enable: true, service: 'http://u:secret@10.0.0.2:80' } });
    assert.doesNotMatch(exportOf({ services: [service], context: open }).text, /secret/);
  });
});

describe('the settings', () => {
  const nas: FileService = {
    name: 'nas',
    address: '192.168.1.10',
    port: 5001,
    protocol: 'https',
    path: '^/$a',
    bypass: ['/health'],
    access: 'family',
    origin: { noTLSVerify: true, connectTimeout: '90s', httpHostHeader: 'a: "b" # c' },
  };

  test('hold what no label can say, and give the same entries', async () => {
    const list = async (items: readonly FileService[]) =>
      (await createSettingsSource(items).list(AbortSignal.timeout(1_000))).services;
    const before = await list([nas, { name: 'yes', service: 'unix:/run/x.sock', hostname: 'x' }]);
    const { route, text, before: entries } = exportOf({ services: before, context: open });
    const last = text.split('---\n').at(-1) ?? '';
    const { services: items } = parse(last) as { services: readonly FileService[] };
    assert.deepEqual(comparable(route(await list(items)).entries), comparable(entries));
  });

  test('hold nothing of what is built in', () => {
    const hello = serviceOf({
      id: 'builtin/hello',
      name: 'hello',
      source: 'builtin',
      hints: { enable: true, service: 'hello_world' },
    });
    const { exported, text } = exportOf({ services: [hello] });
    assert.deepEqual(exported.settings, []);
    assert.match(text, /^# hello is built in/m);
  });
});

describe('the files', () => {
  test('as YAML and as JSON say the same', () => {
    const scene = { services: [serviceOf({ id: 'docker/home/app', hints: { enable: true, path: '^/$' } })] };
    const { exported, applied, text } = exportOf(scene);
    const json = JSON.parse(renderComposeJson(exported, applied)) as { projects: Record<string, unknown> };
    assert.deepEqual(json.projects['docker/home'], documentsOf(text)[0]?.value);
  });

  test('names what is missing in a comment, whatever it says', () => {
    const applied = { entries: [], services: [], withheld: [{ what: 'a', reason: 'x\nservices: {}\u2028y' }] };
    const text = renderCompose({ projects: {}, settings: [], notes: [] }, applied);
    assert.equal(parse(text), null);
    assert.match(text, /^# - a: x·services: \{\}·y$/m);
  });
});
