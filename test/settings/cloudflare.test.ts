// The settings' `cloudflare:`: where tokens come from, what goes without one, and what takes effect at once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ValidationError } from '../../src/errors.ts';
import { loadSettings, settingsSchema } from '../../src/settings/load.ts';
import { changedKeys } from '../../src/settings/reload.ts';

describe('cloudflare:', () => {
  let dir = '';
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'cloudflare-settings-'));
    writeFileSync(join(dir, 'token'), 'from-a-file\n');
  });
  after(() => rmSync(dir, { recursive: true }));

  const load = (cloudflare: unknown, env: Record<string, string> = {}) =>
    loadSettings({ env, cwd: dir, overrides: { edge: 'cloudflare', domain: 'example.com', cloudflare } });

  test('zones may have a token of their own, in the file or in another', () => {
    const tokens = [
      { zones: ['example.org'], api_token_file: 'token' },
      { zones: ['example.net'], api_token: 'written' },
    ];
    assert.deepEqual(load({ api_token: 'main', tokens }).settings.cloudflare.tokens, [
      { zones: ['example.org'], apiToken: 'from-a-file', apiTokenFile: join(dir, 'token') },
      { zones: ['example.net'], apiToken: 'written', apiTokenFile: undefined },
    ]);
  });

  test('the environment names them as JSON', () => {
    const json = '[{"zones":["example.org"],"api_token":"written"}]';
    const { settings } = load({ api_token: 'main' }, { SALLYPORT_CLOUDFLARE__TOKENS: json });
    assert.equal(settings.cloudflare.tokens[0]?.apiToken, 'written');
  });

  const mistakes: readonly { readonly name: string; readonly cloudflare: object; readonly says: RegExp }[] = [
    {
      name: 'zones without their token',
      cloudflare: { api_token: 'main', tokens: [{ zones: ['example.org'] }] },
      says: /there is no token for example\.org/,
    },
    {
      name: 'a token for no zone',
      cloudflare: { api_token: 'main', tokens: [{ zones: [], api_token: 'x' }] },
      says: /tokens\/0\/zones/,
    },
    { name: "Cloudflare's edge without any token", cloudflare: {}, says: /needs an API token/ },
    {
      name: 'a tunnel name without an API token',
      cloudflare: { tunnel: { name: 'home' } },
      says: /needs an API token/,
    },
  ];
  for (const { name, cloudflare, says } of mistakes) {
    test(`${name} is an error`, () => {
      assert.throws(
        () => load(cloudflare),
        (error) => error instanceof ValidationError && says.test(error.message),
      );
    });
  }

  test("a tunnel's token is enough, written or in a file", () => {
    for (const tunnel of [{ token: 'from-a-file' }, { token_file: 'token' }])
      assert.deepEqual(load({ tunnel }).settings.cloudflare.tunnel, { kind: 'token', token: 'from-a-file' });
  });

  test('another API token takes effect at once, another zone does not', () => {
    const changed = (after: object) =>
      changedKeys(load({ api_token: 'a', zones: ['x.test'] }).raw, load(after).raw, settingsSchema.schema as never);
    assert.deepEqual(changed({ api_token: 'b', zones: ['x.test'] }), [{ key: 'cloudflare.api_token', reload: 'hot' }]);
    assert.deepEqual(changed({ api_token: 'a', zones: ['y.test'] }), [{ key: 'cloudflare.zones', reload: 'process' }]);
    assert.deepEqual(changed({ api_token: 'a', zones: ['x.test'] }), []);
  });
});
