// `sallyport edge` on one machine, `sallyport run` on another: what the second one publishes is guarded by the first.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findCloudflared } from '../../src/connector/cloudflared/binary.ts';
import { hashPassword, verifyPassword } from '../../src/edge/password-hash.ts';
import { until } from '../program/program.ts';
import { type Running, startSallyport } from './running.ts';

interface Guide {
  readonly listeners: Readonly<Record<'http' | 'https' | 'tunnel' | 'api', string>>;
  readonly ca_file: string;
  readonly api_token_file: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

interface Visit {
  readonly host: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
}

const free = '127.0.0.1:0';
const email = 'a@example.test';
const password = 'open sesame';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sallyport-edge-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function startEdge(t: TestContext, dataDir: string): Promise<{ readonly edge: Running; readonly guide: Guide }> {
  const settings = {
    domain: 'example.test',
    data_dir: dataDir,
    embedded_edge: {
      ...{ http: free, https: free, tunnel: free, api: free },
      login: { users: [{ email, password_hash: await hashPassword(password) }] },
    },
  };
  const file = join(dataDir, 'edge.yml');
  writeFileSync(file, JSON.stringify(settings));
  const edge = startSallyport(['--json', 'edge', '--settings', file]);
  t.after(() => edge.kill());
  await edge.says(/edge started/);
  return { edge, guide: JSON.parse(edge.stdout()) };
}

async function startOrigin(t: TestContext): Promise<number> {
  const origin = createServer((visit, response) =>
    response.end(`hello ${visit.headers['cf-access-authenticated-user-email'] ?? 'stranger'}`),
  );
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  t.after(() => origin.close());
  return (origin.address() as AddressInfo).port;
}

function visit(guide: Guide, { host, path = '/', headers = {}, form }: Visit) {
  const body = form === undefined ? undefined : new URLSearchParams(form).toString();
  const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  const port = Number(guide.listeners.http.split(':').at(-1));
  return new Promise<{ status: number; location: string; cookies: readonly string[]; body: string }>(
    (resolve, reject) => {
      const asking = request({
        ...{ host: '127.0.0.1', port, path, method: form === undefined ? 'GET' : 'POST' },
        headers: { host, ...type, ...headers },
      });
      asking.on('error', reject);
      asking.on('response', async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        const { location = '', 'set-cookie': lines = [] } = answer.headers;
        const cookies = lines.map((line) => line.split(';')[0] ?? '');
        resolve({ status: answer.statusCode ?? 0, location, cookies, body: text });
      });
      asking.end(body);
    },
  );
}

const cloudflared = findCloudflared(process.env);
for (const connector of ['native', 'cloudflared']) {
  const skip = connector === 'cloudflared' && 'reason' in cloudflared ? cloudflared.reason : false;
  test(`what a program publishes through another machine's edge by ${connector} is guarded there`, {
    skip,
  }, async (t) => {
    const [edgeDir, dataDir] = [folder(t), folder(t)];
    const { edge, guide } = await startEdge(t, edgeDir);
    assert.equal(statSync(guide.api_token_file).mode & 0o777, 0o600);
    const token = readFileSync(guide.api_token_file, 'utf8').trim();
    assert.ok(!edge.stdout().includes(token) && !edge.stderr().includes(token));

    const port = await startOrigin(t);
    const service = (name: string, access: string) => ({ name, address: '127.0.0.1', port, protocol: 'http', access });
    const settings = {
      ...guide.settings,
      ...{ data_dir: dataDir, connector, docker: { endpoints: [] }, web: { listen: free } },
      services: [service('nas', 'family'), service('blog', 'public')],
      access: { policies: { family: { allow: { emails: [email] } } } },
    };
    const file = join(dataDir, 'run.yml');
    writeFileSync(file, JSON.stringify(settings));
    const env = process.env.CLOUDFLARED === undefined ? {} : { CLOUDFLARED: process.env.CLOUDFLARED };
    const program = startSallyport(['run', '--settings', file], env);
    t.after(() => program.kill());
    const blog = await until(
      () => visit(guide, { host: 'blog.example.test' }),
      ({ status }) => status === 200,
      60_000,
    );
    assert.equal(blog.body, 'hello stranger');

    const host = 'nas.example.test';
    const html = { accept: 'text/html' };
    assert.equal((await visit(guide, { host })).status, 401);
    const sent = await visit(guide, { host, path: '/x?y=z', headers: html });
    const page = await visit(guide, { host, path: sent.location, headers: html });
    const form = { email, password, token: /name="token" value="([^"]+)"/.exec(page.body)?.[1] ?? '' };
    const headers = { cookie: page.cookies.join('; ') };
    const entered = await visit(guide, { host, path: `/cdn-cgi/access/login/${host}`, headers, form });
    assert.equal(entered.location, '/x?y=z');
    const got = await visit(guide, { host, headers: { cookie: entered.cookies.join('; ') } });
    assert.equal(got.body, `hello ${email}`);

    edge.child.kill('SIGTERM');
    assert.equal(await edge.ended(), 0);
  });
}

test('a password becomes a hash that only the password fits, and one that is too short does not', async () => {
  const hashed = startSallyport(['edge', 'hash-password'], {}, `${password}\n`);
  assert.equal(await hashed.ended(), 0);
  const hash = hashed.stdout().trim();
  assert.equal(await verifyPassword(password, hash), true);
  assert.equal(await verifyPassword(`${password} `, hash), false);
  assert.equal(await verifyPassword(password, undefined), false);
  const short = startSallyport(['edge', 'hash-password'], {}, 'short\n');
  assert.equal(await short.ended(), 1);
  assert.match(short.stderr(), /E_INPUT_INVALID: the password is shorter than 8 characters/);
});
