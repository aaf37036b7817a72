// originRequest.access at the connector: only a token of the team, for the application and valid now, comes through.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import type { OriginAccess } from '../../../src/model.ts';
import { ask, type TestAnswer, type TestConnection } from '../../connector/native/edge.ts';
import { createRecordingLogger, startOrigin, startRig } from '../../connector/native/rig.ts';
import { audience, createKey, type Issuer, startIssuer } from './issuer.ts';

const key = createKey('first');
const other = createKey('second');
const required: OriginAccess = { required: true, teamName: 'home', audTag: ['another', audience] };

interface Guarded {
  readonly issuer: Issuer;
  readonly connection: TestConnection;
  readonly lines: ReturnType<typeof createRecordingLogger>['lines'];
  /** Requests the origin has seen. */
  readonly served: () => number;
  visit(token?: string | string[]): Promise<TestAnswer>;
}

async function startGuarded(t: TestContext, access: OriginAccess = required, service?: string): Promise<Guarded> {
  const issuer = await startIssuer(t, key);
  let served = 0;
  const origin = await startOrigin(t, (_request, response) => {
    served++;
    response.end('inside');
  });
  const { logger, lines } = createRecordingLogger();
  const rule = { hostname: 'app.test', service: service ?? origin, originRequest: { access } };
  const { connection } = await startRig(t, [rule], { accessTeams: issuer.teams, logger });
  const visit = (token?: string | string[]) =>
    ask(connection, token === undefined ? {} : { 'cf-access-jwt-assertion': token });
  return { issuer, connection, lines, served: () => served, visit };
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Seconds from now. */
function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

test('a token of the team for the application comes through, and the keys are fetched once', async (t) => {
  const { issuer, visit } = await startGuarded(t);
  const token = await issuer.sign();
  const answers = await Promise.all([visit(token), visit(token), visit(token)]);
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.toString()]),
    Array.from({ length: 3 }, () => [200, 'inside']),
  );
  assert.equal((await visit(await issuer.sign({ aud: audience }))).status, 200);
  assert.equal(issuer.fetched, 1);
});

describe('refused with 403, and the origin sees nothing', () => {
  const now = inSeconds(0);
  const claims = { aud: [audience], iss: 'https://home.cloudflareaccess.com', exp: now + 600 };
  const hmacWithPublicKey = () => {
    const text = `${part({ alg: 'HS256', kid: 'first' })}.${part(claims)}`;
    const pem = key.publicKey.export({ type: 'spki', format: 'pem' });
    return `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`;
  };
  const tokens: { name: string; token: (issuer: Issuer) => Promise<string> | string | string[] | undefined }[] = [
    { name: 'no token', token: () => undefined },
    { name: 'an empty one', token: () => '' },
    { name: 'no JWT', token: () => 'let me in' },
    { name: 'alg none', token: () => `${part({ alg: 'none' })}.${part(claims)}.` },
    { name: 'HS256 with the public key', token: hmacWithPublicKey },
    { name: 'another audience', token: (issuer) => issuer.sign({ aud: ['x'] }) },
    { name: 'no audience', token: (issuer) => issuer.sign({ aud: [] }) },
    { name: 'another team', token: (issuer) => issuer.sign({ iss: 'https://evil.cloudflareaccess.com' }) },
    { name: 'expired', token: (issuer) => issuer.sign({ exp: inSeconds(-120) }) },
    { name: 'not valid yet', token: (issuer) => issuer.sign({ nbf: inSeconds(600) }) },
    { name: 'never expiring', token: (issuer) => issuer.sign({ exp: undefined }) },
    { name: 'a key the team does not have', token: (issuer) => issuer.sign({}, other) },
    { name: "another key under the team's id", token: (issuer) => issuer.sign({}, { ...other, kid: 'first' }) },
    { name: 'too long', token: (issuer) => issuer.sign({ filler: 'x'.repeat(20_000) }) },
    { name: 'two tokens', token: async (issuer) => [await issuer.sign(), await issuer.sign()] as unknown as string },
    {
      name: 'a changed body',
      token: async (issuer) => {
        const [head, , signature] = (await issuer.sign()).split('.');
        return `${head}.${part({ ...claims, sub: 'admin' })}.${signature}`;
      },
    },
    {
      name: 'a key of its own in the header',
      token: () => `${part({ alg: 'RS256', jwk: other.publicKey.export({ format: 'jwk' }) })}.${part(claims)}.AAAA`,
    },
  ];
  for (const { name, token } of tokens) {
    test(name, async (t) => {
      const { issuer, visit, served, lines } = await startGuarded(t);
      const answer = await visit(await token(issuer));
      assert.deepEqual([answer.status, answer.source, answer.body.length], [403, 'origin', 0]);
      assert.equal(served(), 0);
      const said = lines.find(({ message }) => message.includes('originRequest.access'));
      assert.equal(typeof said?.fields.reason, 'string');
    });
  }

  for (const access of [
    { required: true },
    { required: true, teamName: 'home' },
    { required: true, teamName: 'home', audTag: [] },
    { required: true, teamName: 'stranger', audTag: [audience] },
  ] satisfies OriginAccess[]) {
    test(`whoever comes to a rule that says only ${JSON.stringify(access)}`, async (t) => {
      const { issuer, visit, served } = await startGuarded(t, access);
      assert.equal((await visit(await issuer.sign())).status, 403);
      assert.equal(served(), 0);
    });
  }
});

for (const access of [{ required: false, teamName: 'home', audTag: [audience] }, { teamName: 'home' }, {}]) {
  test(`nothing is asked of a request when the rule says ${JSON.stringify(access)}`, async (t) => {
    const { visit, issuer } = await startGuarded(t, access);
    assert.equal((await visit()).status, 200);
    assert.equal(issuer.fetched, 0);
  });
}

test('a key the team adds later counts at once, and invented key ids do not make us ask again and again', async (t) => {
  let now = 1_000_000;
  const issuer = await startIssuer(t, key);
  const { createTeamKeys } = await import('../../../src/origin/access/keys.ts');
  const { fetchTeamKeys } = await import('../../../src/origin/access/fetch-keys.ts');
  const { tokenProblem } = await import('../../../src/origin/access/token.ts');
  const team = issuer.teams('home');
  assert.ok(team !== undefined);
  const clock = { now: () => now, sleep: () => Promise.reject(new Error('nothing here waits')) };
  const keys = createTeamKeys(() => fetchTeamKeys(team), clock);
  const problem = async (token: string) =>
    await tokenProblem(token, { issuer: issuer.issuer, audiences: [audience], keys, now: Date.now() });

  assert.equal(await problem(await issuer.sign()), undefined);
  now += 31_000;
  issuer.keys.unshift(other);
  assert.equal(await problem(await issuer.sign({}, other)), undefined);
  assert.equal(issuer.fetched, 2);
  for (let at = 0; at < 5; at++)
    assert.match(String(await problem(await issuer.sign({}, { ...other, kid: `invented-${at}` }))), /does not have/);
  assert.equal(issuer.fetched, 2);
  // Keys that cannot be renewed are believed for a day.
  issuer.broken = { status: 500, body: '' };
  now += 2 * 60 * 60_000;
  assert.equal(await problem(await issuer.sign()), undefined);
  now += 24 * 60 * 60_000;
  await assert.rejects(problem(await issuer.sign()), /status 500/);
});

for (const [name, broken] of [
  ['an error', { status: 500, body: '' }],
  ['no JSON', { status: 200, body: '<html>' }],
  ['no key set', { status: 200, body: '[]' }],
  ['too much', { status: 200, body: `{"keys":[${' '.repeat(300_000)}]}` }],
] as const) {
  test(`while the team answers with ${name} instead of keys nobody comes through: 502`, async (t) => {
    const { issuer, visit, served, lines } = await startGuarded(t);
    issuer.broken = broken;
    const answer = await visit(await issuer.sign());
    assert.deepEqual([answer.status, answer.source], [502, 'cloudflared']);
    assert.equal(served(), 0);
    assert.ok(lines.some(({ fields }) => String(fields.reason).includes('keys of the Access team')));
  });
}

test('a websocket needs the token too', async (t) => {
  const { connection, issuer } = await startGuarded(t, required, 'tcp://127.0.0.1:1');
  const upgrade = { 'cf-cloudflared-proxy-connection-upgrade': 'websocket', 'sec-websocket-key': 'AAAA' };
  assert.equal((await ask(connection, upgrade)).status, 403);
  // With a token it comes as far as the origin, which is not there.
  const answer = await ask(connection, { ...upgrade, 'cf-access-jwt-assertion': await issuer.sign() });
  assert.equal(answer.status, 502);
});

test('an upload waits for the check and then arrives whole', async (t) => {
  const issuer = await startIssuer(t, key);
  const origin = await startOrigin(t, async (request, response) => {
    let size = 0;
    for await (const chunk of request) size += (chunk as Buffer).length;
    response.end(String(size));
  });
  const rule = { hostname: 'app.test', service: origin, originRequest: { access: required } };
  const { connection } = await startRig(t, [rule], { accessTeams: issuer.teams });
  const stream = connection.request(
    { ':method': 'POST', 'cf-access-jwt-assertion': await issuer.sign() },
    { endStream: false },
  );
  stream.end(Buffer.alloc(3_000_000, 1));
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await once(stream, 'end');
  assert.equal(text, '3000000');
});
