// Credentials files: where they are looked for, how they are written, and which are never removed.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AppError } from '../../src/errors.ts';
import {
  findCredentialsFile,
  readNamedCredentials,
  removeCredentialsFile,
  writeCredentialsFile,
} from '../../src/tunnel/credentials-search.ts';
import { credentialsPaths } from '../../src/tunnel/places.ts';

const id = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';
const other = '7ba7b810-9dad-41d1-80b4-00c04fd430c8';
const credentials = { accountTag: 'account', tunnelId: id, tunnelSecret: new Uint8Array(32).fill(7) };

describe('credentials files', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-credentials-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('they are looked for beside the certificate, in cloudflared’s folders, then in ours', () => {
    const paths = credentialsPaths(id.toUpperCase(), { home: '/h', originCert: '/c/cert.pem', dataDir: '/d' });
    assert.deepEqual(
      paths,
      [
        '/c',
        '/h/.cloudflared',
        '/h/.cloudflare-warp',
        '/h/cloudflare-warp',
        '/etc/cloudflared',
        '/usr/local/etc/cloudflared',
        '/d',
      ].map((place) => `${place}/${id}.json`),
    );
  });

  test('one is written for its owner’s eyes only and read back', async () => {
    const path = join(folder, 'new', `${id}.json`);
    await writeCredentialsFile(path, credentials);
    assert.equal(statSync(path).mode & 0o777, 0o400);
    assert.deepEqual(await readNamedCredentials(path), credentials);
    assert.equal(await findCredentialsFile([join(folder, 'no.json'), folder, path]), path);
  });

  test('one that is there is never written over', async () => {
    const path = join(folder, 'taken.json');
    writeFileSync(path, 'mine');
    await assert.rejects(
      writeCredentialsFile(path, credentials),
      (error) => error instanceof AppError && error.code === 'E_TUNNEL',
    );
    assert.equal(statSync(path).size, 4);
  });

  test('only the tunnel’s own file is removed', async () => {
    const path = join(folder, `${id}-copy.json`);
    await writeCredentialsFile(path, credentials);
    assert.equal(await removeCredentialsFile(path, other), false);
    assert.equal(await removeCredentialsFile(path, id), true);
    assert.equal(await removeCredentialsFile(path, id), false);
  });

  const wrong: readonly [what: string, make: (path: string) => void, says: RegExp][] = [
    ['a missing file', () => undefined, /doesn't exist or is not a file/],
    ['a folder', (path) => mkdirSync(path), /doesn't exist or is not a file/],
    ['no JSON', (path) => writeFileSync(path, 'secret stuff'), /no JSON/],
    ['a file without end', (path) => writeFileSync(path, ' '.repeat(2_000_000)), /larger than/],
  ];
  for (const [what, make, says] of wrong)
    test(`${what} is an error that quotes nothing`, async () => {
      const path = join(folder, `wrong ${what}.json`);
      make(path);
      await assert.rejects(
        readNamedCredentials(path),
        (error) => error instanceof AppError && says.test(error.message) && !error.message.includes('stuff'),
      );
    });
});
