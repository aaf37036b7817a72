// A database from before Access: opened as it is, nothing lost, Access ready.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { applicationId, migrations } from '../../../../src/edge/store/schema.ts';
import { openEdgeStore } from '../../../../src/edge/store/store.ts';

test('a file of version 1 gains Access and keeps what it had', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-migration-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'edge.sqlite');
  const old = new DatabaseSync(path);
  old.exec(`${migrations[0]} PRAGMA application_id = ${applicationId}; PRAGMA user_version = 1;`);
  const accountId = 'a'.repeat(32);
  old.exec(`INSERT INTO account VALUES ('${accountId}', 'Home', '2026-01-01T00:00:00.000Z')`);
  old.exec(`INSERT INTO zone VALUES ('${'b'.repeat(32)}', 'example.com', '2026-01-01T00:00:00.000Z')`);
  old.close();

  for (const run of ['first', 'second']) {
    const store = openEdgeStore(path);
    assert.deepEqual([store.account.id, store.zones.list().length], [accountId, 1], run);
    assert.equal(store.access.organization.get().fields.auth_domain, 'home-aaaaaaaa.cloudflareaccess.com', run);
    assert.equal(store.access.identityProviders.list().length, 1, run);
    store.close();
  }
});
