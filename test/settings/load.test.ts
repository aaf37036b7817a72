// The settings as users write them: file, environment, flags, and what each mistake is answered with.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ValidationError } from '../../src/errors.ts';
import { loadSettings } from '../../src/settings/load.ts';
import { changedKeys } from '../../src/settings/reload.ts';
import schema from '../../src/settings/settings.schema.json' with { type: 'json' };

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sallyport-settings-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

function load(text: string | undefined, env: Record<string, string> = {}, overrides: Record<string, unknown> = {}) {
  const file = text === undefined ? undefined : join(dir, 'sallyport.yml');
  if (file !== undefined) writeFileSync(file, text ?? '');
  return loadSettings({ file, env, cwd: dir === undefined ? '/' : join(dir, 'nowhere'), overrides });
}

describe('settings', () => {
  test('with none at all, the embedded edge listens on loopback and entries are public to this machine only', () => {
    const { settings } = load(undefined);
    assert.equal(settings.domain, 'localhost');
    assert.deepEqual(settings.embeddedEdge.http, { host: '127.0.0.1', port: 8080 });
    assert.equal(settings.loopbackOnly, true);
    assert.equal(settings.accessDefault, 'public');
    assert.equal(settings.graceMs, 600_000);
  });

  test('an edge that listens beyond loopback publishes nothing without a policy', () => {
    const { settings } = load('embedded_edge: { http: "0.0.0.0:80" }');
    assert.equal(settings.loopbackOnly, false);
    assert.equal(settings.accessDefault, undefined);
  });

  test('the policy of whole zones has to be one of the policies', () => {
    const policies = 'policies: { family: { allow: { emails: [a@example.com] } } }';
    assert.equal(load(`access: { zone_default: family, ${policies} }`).settings.accessZoneDefault, 'family');
    for (const name of ['public', 'none', 'famly'])
      assert.throws(
        () => load(`access: { zone_default: ${name}, ${policies} }`),
        /zone_default names a policy that does not exist/,
      );
  });

  test('the environment wins over the file, and flags over both', () => {
    const env = { SALLYPORT_DOMAIN: 'env.example', SALLYPORT_WEB__LISTEN: '127.0.0.1:1' };
    const { settings } = load('domain: file.example\ngrace: 1h30m', env, { web: { listen: '127.0.0.1:2' } });
    assert.equal(settings.domain, 'env.example');
    assert.equal(settings.graceMs, 5_400_000);
    assert.equal(settings.webListen.port, 2);
  });

  test('lists, booleans and secrets in files come through the environment', () => {
    const secret = join(dir, 'token');
    writeFileSync(secret, ' s3cret\n');
    const { settings } = load(undefined, {
      SALLYPORT_CLOUDFLARE__ZONES: 'a.example, b.example',
      SALLYPORT_LABELS__ALLOW__PUBLIC: 'on',
      SALLYPORT_LABELS__DIALECTS: 'traefik,homepage',
      SALLYPORT_CLOUDFLARE__API_TOKEN_FILE: secret,
    });
    assert.deepEqual(settings.cloudflare.zones, ['a.example', 'b.example']);
    assert.equal(settings.labels.allow.public, true);
    assert.deepEqual(settings.labels.dialects, ['traefik', 'homepage']);
    assert.equal(settings.cloudflare.apiToken, 's3cret');
  });

  const mistakes: { name: string; text?: string; env?: Record<string, string>; says: RegExp; hint: RegExp }[] = [
    { name: 'an unknown key', text: 'domian: x', says: /unknown key "domian"/, hint: /domain/ },
    { name: 'a nested unknown key', text: 'labels: { alow: {} }', says: /\/labels: unknown key "alow"/, hint: /allow/ },
    { name: 'a wrong value', text: 'mode: synch', says: /\/mode: must be one of sync/, hint: /.*/ },
    {
      name: 'a tool nobody knows',
      text: 'labels: { dialects: [traefick] }',
      says: /\/labels\/dialects\/0: must be one of dockflare, /,
      hint: /did you mean "traefik"\?/,
    },
    {
      name: 'a tool named twice',
      text: 'labels: { dialects: [caddy, caddy] }',
      says: /\/labels\/dialects: must NOT have duplicate items/,
      hint: /the first one first/,
    },
    { name: 'broken YAML', text: 'domain: [', says: /not valid YAML/, hint: /line/ },
    { name: 'a list instead of keys', text: '- a', says: /must hold keys/, hint: /domain/ },
    { name: 'an unknown variable', env: { SALLYPORT_DOMIAN: 'x' }, says: /SALLYPORT_DOMIAN/, hint: /SALLYPORT_DOMAIN/ },
    {
      name: 'a boolean that is none',
      env: { SALLYPORT_PLUGINS__ALLOW_CODE: 'maybe' },
      says: /neither true nor false/,
      hint: /true/,
    },
    {
      name: 'a default policy that does not exist',
      text: 'access: { default: family }',
      says: /"family"/,
      hint: /policies/,
    },
    { name: 'Cloudflare without a token', text: 'edge: cloudflare', says: /API token/, hint: /api_token_file/ },
    {
      name: 'a tunnel id without credentials',
      text: 'cloudflare: { tunnel: { id: 11111111-2222-4333-8444-555555555555 } }',
      says: /credentials/,
      hint: /credentials_file/,
    },
    { name: 'a duration without a unit', text: 'grace: "10"', says: /grace/, hint: /.*/ },
    { name: 'a port out of range', text: 'web: { listen: "127.0.0.1:70000" }', says: /70000/, hint: /127/ },
  ];
  for (const mistake of mistakes) {
    test(`${mistake.name} is an error that says what and how to mend it`, () => {
      assert.throws(
        () => load(mistake.text, mistake.env),
        (error: unknown) =>
          error instanceof ValidationError && mistake.says.test(error.message) && mistake.hint.test(error.hint ?? ''),
      );
    });
  }

  test('records carry their mark in the comment, unless a TXT registry is asked for', () => {
    assert.equal(load(undefined).settings.cloudflare.ownership, 'comment');
    assert.equal(load('cloudflare: { ownership: txt }').settings.cloudflare.ownership, 'txt');
    assert.equal(load(undefined, { SALLYPORT_CLOUDFLARE__OWNERSHIP: 'txt' }).settings.cloudflare.ownership, 'txt');
    assert.throws(() => load('cloudflare: { ownership: noop }'), /must be one of comment, txt/);
  });

  test('an error never quotes a secret', () => {
    assert.throws(
      () => load(undefined, { SALLYPORT_CLOUDFLARE: '{"api_token": "hunter2' }),
      (error: unknown) => error instanceof ValidationError && !`${error.message}${error.hint}`.includes('hunter2'),
    );
  });

  test('every key says how a change of it takes effect', () => {
    for (const [key, node] of Object.entries(schema.properties)) assert.ok('x-reload' in node, key);
    const before = load('expose: all').raw;
    assert.deepEqual(
      changedKeys(before, load('expose: known\ndomain: b.example').raw, schema),
      [
        { key: 'domain', reload: 'process' },
        { key: 'expose', reload: 'hot' },
      ].sort((a, b) => Object.keys(before).indexOf(a.key) - Object.keys(before).indexOf(b.key)),
    );
  });
});
