// The tunnel and its credentials, against the real API and a real folder.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { parseCredentialsFile } from '../../src/protocol/credentials.ts';
import { type EnsuredTunnel, type EnsureTunnelOptions, ensureTunnel } from '../../src/tunnel/ensure.ts';
import { type ApiWorld, createApiWorld, never } from '../cloudflare/api-world.ts';

interface TunnelWorld extends ApiWorld {
  readonly stateDir: string;
  ensure(fields?: Partial<EnsureTunnelOptions>): Promise<EnsuredTunnel>;
}

async function createWorld(t: TestContext): Promise<TunnelWorld> {
  const world = await createApiWorld(t);
  const stateDir = join(await mkdtemp(join(tmpdir(), 'sallyport-tunnel-')), 'state');
  t.after(() => rm(join(stateDir, '..'), { recursive: true, force: true }));
  const defaults: EnsureTunnelOptions = {
    api: world.api,
    accountTag: world.account,
    tunnel: { name: 'sallyport' },
    stateDir,
    configSrc: 'local',
    logger: createSilentLogger(),
  };
  return Object.assign(world, {
    stateDir,
    ensure: (fields: Partial<EnsureTunnelOptions> = {}) => ensureTunnel({ ...defaults, ...fields }, never()),
  });
}

function secretOf(ensured: EnsuredTunnel): string {
  return Buffer.from(ensured.credentials.tunnelSecret).toString('hex');
}

test('a tunnel that is missing is made, with a secret of 32 bytes and a file cloudflared can read', async (t) => {
  const world = await createWorld(t);
  const made = await world.ensure();
  assert.equal(made.created, true);
  assert.equal(made.remotelyManaged, false);
  assert.equal(made.credentials.tunnelSecret.length, 32);
  assert.deepEqual(Buffer.from(world.store.tunnel(made.tunnel.id)?.secret ?? []).toString('hex'), secretOf(made));
  assert.equal(made.credentialsFile, join(world.stateDir, `${made.tunnel.id}.json`));
  assert.equal((await stat(made.credentialsFile)).mode & 0o777, 0o600);
  assert.equal((await stat(world.stateDir)).mode & 0o777, 0o700);
  const text = await readFile(made.credentialsFile, 'utf8');
  assert.deepEqual(parseCredentialsFile(text, 'file').tunnelId, made.tunnel.id);
  assert.deepEqual(Object.keys(JSON.parse(text)), ['AccountTag', 'TunnelSecret', 'TunnelID']);
  assert.deepEqual(await readdir(world.stateDir), [`${made.tunnel.id}.json`]);
});

test('the next start finds it again with one call', async (t) => {
  const world = await createWorld(t);
  const made = await world.ensure();
  world.calls.length = 0;
  const again = await world.ensure();
  assert.deepEqual({ ...again, created: true }, made);
  assert.equal(world.calls.length, 1);
});

test('a tunnel whose rules the API keeps is known as such', async (t) => {
  const world = await createWorld(t);
  assert.equal((await world.ensure({ configSrc: 'cloudflare' })).remotelyManaged, true);
  assert.equal((await world.ensure()).remotelyManaged, true);
});

const spoilings: readonly { readonly name: string; readonly spoil: (path: string) => Promise<unknown> }[] = [
  { name: 'is lost', spoil: (path) => rm(path) },
  { name: 'is broken', spoil: (path) => writeFile(path, '{') },
  {
    name: "is another tunnel's",
    spoil: async (path) => {
      const other = JSON.parse(await readFile(path, 'utf8'));
      await writeFile(path, JSON.stringify({ ...other, TunnelID: '00000000-0000-4000-8000-000000000000' }));
    },
  },
];
for (const { name, spoil } of spoilings) {
  test(`when the credentials file ${name}, the API gives the secret again`, async (t) => {
    const world = await createWorld(t);
    const made = await world.ensure();
    await spoil(made.credentialsFile);
    const again = await world.ensure();
    assert.equal(again.created, false);
    assert.equal(secretOf(again), secretOf(made));
    assert.equal((await stat(made.credentialsFile)).mode & 0o777, 0o600);
  });
}

test('a secret the edge refuses is replaced by the one the API has', async (t) => {
  const world = await createWorld(t);
  const made = await world.ensure();
  const file = JSON.parse(await readFile(made.credentialsFile, 'utf8'));
  await writeFile(made.credentialsFile, JSON.stringify({ ...file, TunnelSecret: Buffer.alloc(32).toString('base64') }));
  assert.notEqual(secretOf(await world.ensure()), secretOf(made));
  assert.equal(secretOf(await world.ensure({ refresh: true })), secretOf(made));
  assert.equal(secretOf(await world.ensure()), secretOf(made));
});

test('a tunnel that was deleted behind our back is made anew', async (t) => {
  const world = await createWorld(t);
  const made = await world.ensure();
  await world.api.tunnels.delete(world.account, made.tunnel.id, never());
  const again = await world.ensure();
  assert.equal(again.created, true);
  assert.notEqual(again.tunnel.id, made.tunnel.id);
});

test('a tunnel somebody else made under the configured name is used', async (t) => {
  const world = await createWorld(t);
  const secret = Buffer.alloc(32, 9);
  const request = { name: 'sallyport', tunnelSecret: secret.toString('base64'), configSrc: 'cloudflare' } as const;
  const theirs = await world.api.tunnels.create(world.account, request, never());
  const ensured = await world.ensure();
  assert.equal(ensured.tunnel.id, theirs.id);
  assert.equal(ensured.created, false);
  assert.equal(secretOf(ensured), secret.toString('hex'));
});

test('when somebody is faster, theirs is used', async (t) => {
  const world = await createWorld(t);
  const request = {
    name: 'sallyport',
    tunnelSecret: Buffer.alloc(32, 9).toString('base64'),
    configSrc: 'local',
  } as const;
  let raced: Promise<unknown> | undefined;
  world.fault = ({ method }) => {
    if (method !== 'POST' || raced !== undefined) return undefined;
    raced = world.api.tunnels.create(world.account, request, never());
    return { status: 409 };
  };
  assert.equal((await world.ensure()).created, false);
});

test('an answer that was lost leaves one tunnel, which is used', async (t) => {
  const world = await createWorld(t);
  let lost = false;
  world.fault = ({ method }) => {
    if (method !== 'POST' || lost) return undefined;
    lost = true;
    return 'lose-answer';
  };
  const ensured = await world.ensure();
  assert.equal((await world.api.tunnels.list(world.account, never())).length, 1);
  assert.deepEqual(Buffer.from(world.store.tunnel(ensured.tunnel.id)?.secret ?? []).toString('hex'), secretOf(ensured));
});

test('a tunnel named by id must exist', async (t) => {
  const world = await createWorld(t);
  const made = await world.ensure();
  assert.equal((await world.ensure({ tunnel: { id: made.tunnel.id } })).tunnel.name, 'sallyport');
  await world.api.tunnels.delete(world.account, made.tunnel.id, never());
  for (const id of [made.tunnel.id, '00000000-0000-4000-8000-000000000000']) {
    await assert.rejects(world.ensure({ tunnel: { id } }), (error: AppError) => error.code === 'E_TUNNEL');
  }
});

test('a state directory that cannot be written is said plainly, without the secret', async (t) => {
  const world = await createWorld(t);
  await writeFile(world.stateDir, 'a file where a folder should be');
  await assert.rejects(world.ensure(), (error) => error instanceof AppError && error.code === 'E_STATE');
});
