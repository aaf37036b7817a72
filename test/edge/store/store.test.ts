// The edge's store as a file: what survives a restart or a kill, and which files are refused.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { EdgeChange } from '../../../src/edge/model.ts';
import { migrations } from '../../../src/edge/store/schema.ts';
import { type EdgeStore, openEdgeStore } from '../../../src/edge/store/store.ts';
import { AppError } from '../../../src/errors.ts';

let folder = '';
let path = '';
const opened: EdgeStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'edge-store-'));
  path = join(folder, 'state', 'edge.sqlite');
});

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(): EdgeStore {
  const store = openEdgeStore(path);
  opened.push(store);
  return store;
}

test('everything written is there again after a restart', () => {
  const before = open();
  const zone = before.ensureZone('example.com');
  const tunnel = before.tunnels.create({ name: 'home', config_src: 'cloudflare' });
  const record = before.records.create(zone, {
    type: 'CNAME',
    name: 'grafana',
    content: `${tunnel.id}.cfargotunnel.com`,
    proxied: true,
    comment: 'ours',
    tags: ['owner:home'],
    settings: { flatten_cname: false },
  });
  const srv = before.records.create(zone, {
    type: 'SRV',
    name: '_x._tcp',
    data: { priority: 1, weight: 2, port: 3, target: 'a.example.com' },
  });
  before.configurations.put(tunnel.id, { ingress: [{ service: 'http_status:404' }], unknown: { kept: true } });
  before.close();

  const after = open();
  assert.deepEqual(after.account, before.account);
  assert.match(after.account.id, /^[0-9a-f]{32}$/);
  assert.deepEqual(after.zones.list(), [zone]);
  assert.deepEqual(after.records.list(zone.id), [record, srv]);
  assert.deepEqual(Buffer.from(after.tunnels.get(tunnel.id)?.secret ?? []), Buffer.from(tunnel.secret));
  assert.equal(after.configurations.get(tunnel.id)?.version, 1);
  assert.deepEqual(after.route('grafana.example.com'), { tunnelId: tunnel.id });
  assert.deepEqual(after.tunnel(tunnel.id), {
    id: tunnel.id,
    accountTag: after.account.id,
    name: 'home',
    secret: after.tunnels.get(tunnel.id)?.secret,
    remotelyManaged: true,
  });
  assert.deepEqual(after.configuration(tunnel.id), {
    version: 1,
    config: { ingress: [{ service: 'http_status:404' }], unknown: { kept: true } },
  });
});

test('the file and its companions are readable by their owner only', () => {
  open().ensureZone('example.com');
  for (const file of [path, `${path}-wal`]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
});

test('a process killed inside a transaction leaves nothing of it behind, and all of the one before', async () => {
  const script = join(folder, 'killed.ts');
  const store = pathToFileURL(join(import.meta.dirname, '../../../src/edge/store/store.ts')).href;
  // Reading the second post's name happens after the first one was inserted.
  writeFileSync(
    script,
    `import { openEdgeStore } from '${store}';
     const store = openEdgeStore(${JSON.stringify(path)});
     const zone = store.ensureZone('example.com');
     store.records.create(zone, { type: 'A', name: 'kept', content: '192.0.2.1' });
     store.records.batch(zone, { posts: [
       { type: 'A', name: 'lost', content: '192.0.2.2' },
       { type: 'A', get name() { process.kill(process.pid, 'SIGKILL'); return 'never'; }, content: '192.0.2.3' },
     ] });
     console.log('survived');`,
  );
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [, signal] = await once(child, 'exit');
  assert.equal(signal, 'SIGKILL');
  const after = open();
  const names = after.records.list(after.ensureZone('example.com').id).map((record) => record.name);
  assert.deepEqual(names, ['kept.example.com']);
});

test('listeners hear of a change once it is durable and visible, and no more after they left', () => {
  const store = open();
  const tunnel = store.tunnels.create({ name: 'home' });
  const heard: [EdgeChange, number | undefined][] = [];
  const leave = store.subscribe((change) => heard.push([change, store.configuration(change.tunnelId)?.version]));
  store.configurations.put(tunnel.id, { ingress: [] });
  store.configurations.put(tunnel.id, { ingress: [] });
  store.tunnels.delete(tunnel.id);
  leave();
  store.tunnels.delete(store.tunnels.create({ name: 'other' }).id);
  assert.deepEqual(heard, [
    [{ kind: 'configuration', tunnelId: tunnel.id }, 1],
    [{ kind: 'configuration', tunnelId: tunnel.id }, 2],
    [{ kind: 'tunnel-deleted', tunnelId: tunnel.id }, undefined],
  ]);
});

test('a change that is refused is told to nobody', () => {
  const store = open();
  const heard: EdgeChange[] = [];
  store.subscribe((change) => heard.push(change));
  assert.throws(() => store.tunnels.delete('6ba7b810-9dad-11d1-80b4-00c04fd430c8'), { status: 404 });
  assert.deepEqual(heard, []);
});

test('a zone is made once, however its name is spelled', () => {
  const store = open();
  const zone = store.ensureZone('Bücher.example.');
  assert.equal(zone.name, 'xn--bcher-kva.example');
  assert.deepEqual(store.ensureZone('bücher.EXAMPLE'), zone);
  assert.equal(store.zones.list().length, 1);
});

/** Files that cannot be used, what is put there, and what the user is told. */
const refused: { name: string; prepare: () => void; message: RegExp }[] = [
  {
    name: 'a file that is no database',
    prepare: () => writeFileSync(path, 'these are not the bytes you are looking for'.repeat(40)),
    message: /is not a database/,
  },
  {
    name: 'a database cut short',
    prepare: () => truncateSync(path, 6_000),
    message: /is damaged/,
  },
  {
    name: 'a database with overwritten pages',
    prepare: () => {
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.fill(0x5a, 4_096, 20_000));
    },
    message: /is damaged/,
  },
  {
    name: "another program's database",
    prepare: () => {
      rmSync(path);
      const foreign = new DatabaseSync(path);
      foreign.exec('CREATE TABLE notes (text)');
      foreign.close();
    },
    message: /not one of an embedded edge/,
  },
  {
    name: 'a database of a newer version',
    prepare: () => {
      const database = new DatabaseSync(path);
      database.exec(`PRAGMA user_version = ${migrations.length + 1}`);
      database.close();
    },
    message: /this program knows up to/,
  },
];

for (const { name, prepare, message } of refused) {
  test(`${name} is refused with a hint and left as it is`, () => {
    open().ensureZone('example.com');
    opened.pop()?.close();
    prepare();
    const bytes = readFileSync(path);
    assert.throws(open, (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, 'E_STATE');
      assert.match(error.message, message);
      assert.equal(error.where, path);
      assert.notEqual(error.hint, undefined);
      return true;
    });
    assert.deepEqual(readFileSync(path), bytes);
  });
}

test('a file another process has open is refused', () => {
  open();
  assert.throws(open, { code: 'E_STATE', message: /in use by another process/ });
});

test('a path that is a folder is refused', () => {
  path = folder;
  assert.throws(open, { code: 'E_STATE', message: /cannot be opened/ });
});
