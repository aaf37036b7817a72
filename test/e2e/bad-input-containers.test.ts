// Containers that ask for what makes no sense or is not theirs to ask: each is told why, and nobody else notices.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { ServiceStatus } from '../../src/status.ts';
import { createHome, sallyport } from '../cli/command.ts';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { type Program, startProgram, until, visit } from '../program/program.ts';
import { keepVisiting, type SteadyVisitor } from './steady.ts';

let origin: Server;
let port: number;
let engine: FakeDockerEngine;
before(async () => {
  origin = createServer((_request, response) => response.end('here'));
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  port = (origin.address() as AddressInfo).port;
  engine = await startFakeDockerEngine();
});
after(async () => {
  await engine?.close();
  origin?.close();
});

function container(name: string, labels: Readonly<Record<string, string>>) {
  return {
    name,
    labels: { 'sallyport.enable': 'true', ...labels },
    networks: { bridge: '127.0.0.1' },
    ports: [{ port }],
  };
}

function put(name: string, labels: Readonly<Record<string, string>>): void {
  engine.put(container(name, labels));
  engine.emit('container', 'start', name);
}

/** A name nobody had before: one that stopped is remembered for a while, with what was said about it. */
let number = 0;
const fresh = () => `bad${number++}`;

const find = (program: Program, name: string) => program.status().services.find((service) => service.name === name);

/** The service as soon as something is said about it. */
function remarked(program: Program, name: string): Promise<ServiceStatus> {
  return until(
    async () => find(program, name) ?? { diagnostics: [] },
    ({ diagnostics }) => diagnostics.length > 0,
  ) as Promise<ServiceStatus>;
}

const words = (service: ServiceStatus) =>
  service.diagnostics.map(({ severity, code, message, hint }) => `${severity} ${code}: ${message}: ${hint}`).join('\n');

describe('on this machine’s own edge', () => {
  let program: Program;
  let visitor: SteadyVisitor;
  before(async () => {
    engine.put(container('good', {}));
    program = await startProgram({ docker: { endpoints: [engine.endpoint] }, grace: '1s' });
    await program.until('good.localhost', ({ status }) => status === 200);
  });
  after(() => program?.stop());
  beforeEach(() => {
    visitor = keepVisiting(program, 'good.localhost');
  });
  afterEach(async () => {
    await visitor.stop();
  });

  /** Labels that are left out: the container is published as if they were not there. */
  const leftOut: readonly [label: string, value: string, says: RegExp][] = [
    ['sallyport.hostnam', 'x', /^warning E_LABEL_INVALID: .*sallyport\.hostnam.*did you mean.*hostname/],
    ['sallyport.port', 'http', /E_LABEL_INVALID: .*port.*http/],
    ['sallyport.port', '70000', /E_LABEL_INVALID: .*70000/],
    ['sallyport.port', '-1', /E_LABEL_INVALID: .*-1/],
    ['sallyport.protocol', 'gopher', /E_LABEL_INVALID: .*http.*gopher/],
    ['sallyport.origin.noTLSVerfy', 'true', /E_LABEL_INVALID: .*noTLSVerify/],
    ['sallyport.origin.connectTimeout', 'soon', /E_LABEL_INVALID: .*soon/],
    ['sallyport.hostname', 'no name', /E_LABEL_INVALID: .*no name/],
    ['sallyport.hostname', `${'a'.repeat(64)}.localhost`, /E_LABEL_INVALID/],
    ['sallyport.', 'x', /E_LABEL_INVALID/],
    [`sallyport.${'x'.repeat(5_000)}`, 'x', /E_LABEL_INVALID/],
    ['sallyport.__proto__', 'x', /E_LABEL_INVALID: .*__proto__/],
    ['sallyport.constructor.prototype', 'x', /E_LABEL_INVALID/],
  ];
  for (const [label, value, says] of leftOut)
    test(`${label.slice(0, 40)}=${value} is remarked on and left out`, async () => {
      const bad = fresh();
      put(bad, { [label]: value });
      const service = await remarked(program, bad);
      assert.match(words(service), says);
      assert.ok(words(service).length < 2_000, 'a remark is for a person to read');
      assert.deepEqual(service.hostnames, [`${bad}.localhost`]);
    });

  /** Labels without which nobody knows how or how safely to publish it: it stays closed. */
  const closing: readonly [label: string, value: string, says: RegExp][] = [
    ['sallyport.enable', 'maybe', /E_LABEL_INVALID: .*enable.*maybe/],
    ['sallyport.path', '(', /E_LABEL_INVALID: .*path/],
    ['sallyport.path', '(a{1000}){1000}', /E_LABEL_INVALID: .*path/],
    ['sallyport.hostname', 'evil.example.com', /E_ZONE_UNKNOWN: evil\.example\.com is in none of the zones localhost/],
    ['sallyport.service', 'http://', /E_LABEL_INVALID: .*service/],
    ['sallyport.service', 'http://169.254.169.254/', /E_LABEL_(NOT_ALLOWED|INVALID)/],
    ['sallyport.service', 'http://127.0.0.2:8098', /error E_LABEL_NOT_ALLOWED: .*other_origins/],
    ['sallyport.service', 'unix:/var/run/docker.sock', /error E_LABEL_NOT_ALLOWED: .*other_origins/],
    ['sallyport.service', 'bastion', /error E_LABEL_NOT_ALLOWED: .*other_origins/],
    ['sallyport.service', 'socks-proxy', /error E_LABEL_NOT_ALLOWED: .*other_origins/],
    ['sallyport.access', 'famly', /error E_NO_POLICY: .*there is no policy "famly"/],
    ['sallyport.plugin', 'grafna', /E_LABEL_INVALID: .*no plugin "grafna": did you mean grafana/],
    ['sallyport.network', 'nowhere', /nowhere/],
  ];
  for (const [label, value, says] of closing)
    test(`${label}=${value.slice(0, 30)} keeps it closed and says why`, async () => {
      const bad = fresh();
      put(bad, { [label]: value });
      const service = await remarked(program, bad);
      assert.match(words(service), says);
      assert.deepEqual(service.hostnames, []);
      for (const name of [`${bad}.localhost`, 'evil.example.com'])
        assert.notEqual((await program.get(name)).status, 200, name);
    });

  test('noTLSVerify without permission is left out of the rule', async () => {
    const bad = fresh();
    put(bad, { 'sallyport.origin.noTLSVerify': 'true', 'sallyport.origin.caPool': '/etc/shadow' });
    const service = await remarked(program, bad);
    assert.match(words(service), /warning E_LABEL_NOT_ALLOWED: .*noTLSVerify.*no_tls_verify: true/);
    assert.match(words(service), /warning E_LABEL_NOT_ALLOWED: .*caPool.*other_origins: true/);
  });

  test('five hundred labels are too many: one remark, and it stays closed', async () => {
    const bad = fresh();
    put(bad, Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`sallyport.wrong${index}`, 'x'])));
    const service = await remarked(program, bad);
    assert.match(words(service), /^error E_LABEL_INVALID: .*501 labels.*256.*nothing here is published$/);
    assert.deepEqual(service.hostnames, []);
  });

  test('of two who write the same name whoever has it keeps it, and the other is told who that is', async () => {
    const first = fresh();
    put(first, { 'sallyport.hostname': 'wanted' });
    await program.until('wanted.localhost', ({ status }) => status === 200);
    const both = keepVisiting(program, 'wanted.localhost');
    try {
      const second = fresh();
      put(second, { 'sallyport.hostname': 'wanted' });
      const loser = await remarked(program, second);
      assert.match(words(loser), new RegExp(`E_CONFLICT: .*wanted\\.localhost.*${first}`));
      assert.deepEqual(loser.hostnames, []);
      assert.deepEqual(find(program, first)?.hostnames, ['wanted.localhost']);
      assert.deepEqual(find(program, first)?.diagnostics, []);
    } finally {
      await both.stop();
    }
  });
});

describe('on an edge others can reach', () => {
  let program: Program;
  const settings = {
    domain: 'home.example',
    access: {
      policies: { family: { allow: { emails: ['a@example.com'] } }, ghosts: { allow: { groups: ['nobody'] } } },
    },
    labels: { allow: { public: false } },
  };
  before(async () => {
    engine.remove('good');
    const every = '0.0.0.0:0';
    const free = '127.0.0.1:0';
    program = await startProgram({
      ...settings,
      docker: { endpoints: [engine.endpoint] },
      embedded_edge: { http: every, https: free, tunnel: free, api: free },
      services: [{ name: 'open', address: '127.0.0.1', port, access: 'public' }],
    });
    await program.until('open.home.example', ({ status }) => status === 200);
  });
  after(() => program?.stop());

  const cases: readonly [name: string, labels: Readonly<Record<string, string>>, says: RegExp][] = [
    [
      'one that asks to be public',
      { 'sallyport.access': 'public' },
      /error E_LABEL_NOT_ALLOWED: .*labels\.allow\.public: true/,
    ],
    ['one that names no policy', {}, /error E_NO_POLICY: .*no access policy applies: set access\.default/],
    [
      'one that names a policy that is not there',
      { 'sallyport.access': 'famly' },
      /error E_NO_POLICY: .*no policy "famly": did you mean family\?/,
    ],
    [
      'one whose policy cannot be applied',
      { 'sallyport.access': 'ghosts' },
      /error E_NO_POLICY: .*stays closed: policy "ghosts"/,
    ],
    [
      'one whose policy nobody can meet',
      { 'sallyport.access': 'family' },
      /warning W_NO_LOGIN: .*policy "family".*no way to log in yet/,
    ],
    [
      'one that lets every path pass',
      { 'sallyport.access': 'family', 'sallyport.access.bypass': '/' },
      /E_LABEL_NOT_ALLOWED: .*everything pass without login/,
    ],
    ['one that answers by itself', { 'sallyport.service': 'hello_world' }, /E_NO_POLICY/],
  ];
  for (const [name, labels, says] of cases)
    test(`${name} is never reachable, and both the page and the command say why`, async () => {
      const bad = fresh();
      const visitor = keepVisiting(program, 'open.home.example');
      try {
        put(bad, labels);
        const service = await remarked(program, bad);
        assert.match(words(service), says);
        assert.notEqual((await program.get(`${bad}.home.example`)).status, 200);
        const shown = JSON.parse((await visit(program.webPort, 'localhost', '/api/status')).body);
        assert.match(words(shown.services.find((one: ServiceStatus) => one.name === bad)), says);
        assert.ok((await visit(program.webPort, 'localhost', '/')).body.includes(`<td>${bad}<small>`));
      } finally {
        await visitor.stop();
      }
    });

  test('`services` says the same without a running instance', async () => {
    const home = createHome();
    try {
      const bad = fresh();
      engine.put(container(bad, { 'sallyport.access': 'public' }));
      const file = home.settings(
        `docker: { endpoints: ["${engine.endpoint}"] }\nedge: embedded\nembedded_edge: { http: "0.0.0.0:0" }\ndomain: home.example\n`,
      );
      const { stdout, exit } = await sallyport('--settings', file, 'services');
      assert.equal(exit, 0);
      assert.match(stdout, /^bad\d+ +docker +.* - +running .*asks to be public, which is held.*labels\.allow\.public/m);
    } finally {
      home.remove();
    }
  });
});
