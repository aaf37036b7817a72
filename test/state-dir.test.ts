// The data directory: private, made when missing, and honest when it cannot be used.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { AppError } from '../src/errors.ts';
import { newOwnerId, openStateDir } from '../src/state-dir.ts';

const dir = mkdtempSync(join(tmpdir(), 'sallyport-state-'));
after(() => rmSync(dir, { recursive: true, force: true }));

describe('the data directory', () => {
  test('is made private and keeps what was created once', () => {
    const state = openStateDir(join(dir, 'a', 'b'));
    assert.equal(statSync(state.path).mode & 0o777, 0o700);
    const first = state.readOrCreate('owner', newOwnerId);
    assert.match(first, /^sp-[0-9a-f]{10}$/);
    assert.equal(state.readOrCreate('owner', newOwnerId), first);
    assert.equal(statSync(join(state.path, 'owner')).mode & 0o777, 0o600);
  });

  test('an empty file, as a full disk leaves it, is made again', () => {
    const state = openStateDir(dir);
    writeFileSync(join(dir, 'token'), '');
    assert.equal(
      state.readOrCreate('token', () => 'fresh'),
      'fresh',
    );
    assert.equal(readFileSync(join(dir, 'token'), 'utf8'), 'fresh\n');
  });

  test('a path that cannot be a directory is an error with a way out', () => {
    writeFileSync(join(dir, 'file'), 'x');
    assert.throws(
      () => openStateDir(join(dir, 'file', 'below')),
      (error: unknown) => error instanceof AppError && error.code === 'E_STATE' && /data_dir/.test(error.hint ?? ''),
    );
  });
});
