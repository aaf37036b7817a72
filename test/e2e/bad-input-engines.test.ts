// Docker engines that cannot be asked, from the start and in the middle of it: said clearly, and everything else goes on.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createHome, sallyport, unprivileged } from '../cli/command.ts';
import { type FakeDockerEngine, startFakeDockerEngine } from '../fakes/docker-engine.ts';
import { type Program, startProgram, until } from '../program/program.ts';
import { freePorts } from './process.ts';
import { keepVisiting } from './steady.ts';

const good = { name: 'good', service: 'hello_world' };

const findings = (program: Program) =>
  program
    .status()
    .diagnostics.map(({ severity, code, message, hint }) => `${severity} ${code}: ${message}: ${hint}`)
    .join('\n');

// One of these waits for an engine that never answers; the others need not wait for it.
describe('an engine that cannot be asked from the start', { concurrency: true }, () => {
  let dir: string;
  const servers: Server[] = [];
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'sallyport-engines-'));
  });
  after(() => {
    for (const server of servers) server.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** A unix socket whose visitors are answered like this. */
  async function socketThat(name: string, answers: string | undefined): Promise<string> {
    const path = join(dir, name);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      if (answers !== undefined) socket.once('data', () => socket.end(answers));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    server.unref();
    return `unix://${path}`;
  }

  const web = (body: string, status = '200 OK') =>
    `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const cases: readonly [name: string, endpoint: () => Promise<string>, says: RegExp][] = [
    [
      'a socket that is not there',
      async () => 'unix:///nonexistent/docker.sock',
      /there is no Docker socket \(unix:\/\/\/nonexistent\/docker\.sock\): start Docker/,
    ],
    ['a file that is no socket', async () => `unix://${plainFile()}`, /nothing listens|does not answer/],
    [
      'a port that refuses',
      async () => `tcp://127.0.0.1:${(await freePorts(1))[0]}`,
      /nothing listens on the Docker endpoint .*: start Docker/,
    ],
    [
      'a name that does not resolve',
      async () => 'tcp://engine.invalid:2375',
      /name does not resolve .*: check the name/,
    ],
    [
      'another program’s socket',
      () => socketThat('other', web('<html>')),
      /what answers there is no Docker engine .*: check the endpoint/,
    ],
    [
      'a JSON API that is not Docker’s',
      () => socketThat('json', web('{"a":1}')),
      /what answers there is no Docker engine/,
    ],
    ['garbage', () => socketThat('garbage', '\u0000\u0001garbage\r\n\r\n'), /does not answer/],
    ['nothing', () => socketThat('closing', ''), /does not answer/],
    [
      'a refusing proxy',
      () => socketThat('proxy', web('no', '403 Forbidden')),
      /answered 403 to GET \/containers\/json .*: a socket proxy/,
    ],
    ['half an answer', () => socketThat('half', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{'), /does not answer/],
  ];
  const plainFile = () => {
    writeFileSync(join(dir, 'file'), '');
    return join(dir, 'file');
  };

  test('is named with what to do, whatever it is that answers there, and the rest is served', async () => {
    const endpoints = await Promise.all(
      cases.map(async ([, endpoint], index) => ({ name: `e${index}`, url: await endpoint() })),
    );
    const program = await startProgram({ docker: { endpoints }, services: [good] });
    try {
      await program.until('good.localhost', ({ status }) => status === 200);
      const lines = findings(program).split('\n');
      for (const [index, [name, , says]] of cases.entries()) {
        const line = lines.find((one) => one.includes(` e${index}: `));
        assert.match(line ?? 'nothing was said', says, name);
        assert.match(line ?? '', /^error E_SOURCE_UNREACHABLE: /, name);
      }
      assert.equal(lines.length, cases.length);
      assert.equal(program.status().complete, false);
    } finally {
      await program.stop();
    }
  });

  test('a socket this user may not use is named, with the group that may', async () => {
    const url = await socketThat('closed', web('[]'));
    chmodSync(dir, 0o755);
    chmodSync(join(dir, 'closed'), 0o600);
    const home = createHome();
    try {
      chmodSync(home.dir, 0o755);
      const settings = home.settings(`docker: { endpoints: ["${url}"] }\n`);
      const { stderr, exit } = await unprivileged(() => sallyport('--settings', settings, 'services'));
      assert.equal(exit, 0);
      assert.match(
        stderr,
        /^error E_SOURCE_UNREACHABLE: docker: this user may not use the Docker socket \(.*closed\): .*docker group/,
      );
    } finally {
      home.remove();
    }
  });

  test('one that hangs is not waited for, and the others are served', async () => {
    const url = await socketThat('hanging', undefined);
    const program = await startProgram({ docker: { endpoints: [url] }, services: [good] });
    try {
      await program.until('good.localhost', ({ status }) => status === 200);
      assert.match(findings(program), /docker: has not answered yet.*check that it is not stuck/);
    } finally {
      await program.stop();
    }
  });
});

describe('an engine that fails while the program runs', () => {
  let engine: FakeDockerEngine;
  let program: Program;
  before(async () => {
    engine = await startFakeDockerEngine();
    engine.put({ name: 'box', labels: { 'sallyport.enable': 'true', 'sallyport.service': 'hello_world' } });
    program = await startProgram({ docker: { endpoints: [engine.endpoint] }, grace: '1s', services: [good] });
    await program.until('box.localhost', ({ status }) => status === 200);
  });
  after(async () => {
    await program?.stop();
    await engine?.close();
  });

  const accidents: readonly [name: string, happens: () => Promise<unknown>, says: RegExp][] = [
    ['its socket vanishes', () => engine.stop(), /there is no Docker socket .*; its last list is used/],
    [
      'it answers nonsense',
      async () => engine.answerOnce({ body: 'nonsense' }),
      /no Docker engine .*; its last list is used/,
    ],
    ['it answers something else', async () => engine.answerOnce({ body: '{"message":"x"}' }), /no Docker engine/],
    ['it breaks off', async () => engine.answerOnce({ body: '[{"Id":', cutOff: true }), /does not answer/],
    ['it has an error', async () => engine.answerOnce({ status: 500, body: '{"message":"broken"}' }), /answered 500/],
  ];
  for (const [name, happens, says] of accidents)
    test(`when ${name}, what it last said is served, and it is heard again afterwards`, async () => {
      const visitors = ['box.localhost', 'good.localhost'].map((hostname) => keepVisiting(program, hostname));
      try {
        await happens();
        await program.pass();
        assert.match(findings(program), says);
        await engine.stop();
        await engine.start();
        await program.pass();
        assert.equal(findings(program), '');
      } finally {
        for (const visitor of visitors) await visitor.stop();
      }
    });

  test('events that are no events are passed over', async () => {
    const visitor = keepVisiting(program, 'box.localhost');
    try {
      await engine.watched(1);
      engine.emitRaw('garbage\n{}\n[]\n{"Type":1}\n\u0000\n');
      engine.emitRaw(`{"Type":"${'x'.repeat(100_000)}"}\n`);
      engine.put({ name: 'late', labels: { 'sallyport.enable': 'true', 'sallyport.service': 'hello_world' } });
      engine.emit('container', 'start', 'late');
      await program.until('late.localhost', ({ status }) => status === 200);
    } finally {
      await visitor.stop();
    }
  });

  test('containers that are no containers are passed over', async () => {
    const visitor = keepVisiting(program, 'good.localhost');
    try {
      engine.answerOnce({
        body: '[1, null, {}, {"Id":5}, {"Id":"x","Names":"y"}, {"Id":"z","Names":["/z"],"Labels":[],"Ports":{}}]',
      });
      await program.pass();
      await until(
        async () => program.status().revision,
        (revision) => revision > 0,
      );
    } finally {
      await visitor.stop();
    }
  });
});
