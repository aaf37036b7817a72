// The add-on's options: each to its setting, all of it accepted by the settings' own schema, mistakes named.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from '../../../addon/homeassistant/options.ts';
import { settingsSchema } from '../../../src/settings/load.ts';
import { parse } from '../../../src/validate.ts';

const where = '/data/options.json';

test('everything at once becomes settings that hold', () => {
  const { settings, wishes } = readOptions(
    {
      domain: 'example.com',
      api_token: 'secret',
      zones: ['example.com'],
      expose: 'known',
      mode: 'upsert-only',
      default_access: 'family',
      policies: [{ name: 'family', emails: ['a@example.com'], email_domains: ['example.org'] }],
      services: [
        { name: 'homeassistant', hostname: 'home' },
        { name: 'nodered', access: 'family', bypass: ['/endpoint/'], port: 1880, protocol: 'https' },
        { name: 'nas', address: '192.168.1.10', port: 5001, protocol: 'https' },
      ],
      log_level: 'debug',
    },
    where,
  );
  assert.deepEqual(settings, {
    domain: 'example.com',
    edge: 'cloudflare',
    expose: 'known',
    mode: 'upsert-only',
    cloudflare: { api_token: 'secret', zones: ['example.com'] },
    access: {
      default: 'family',
      policies: { family: { allow: { emails: ['a@example.com'], email_domains: ['example.org'] } } },
    },
    services: [{ name: 'nas', address: '192.168.1.10', port: 5001, protocol: 'https' }],
    log: { level: 'debug' },
  });
  assert.deepEqual(
    wishes.map(({ name }) => name),
    ['homeassistant', 'nodered'],
  );
  assert.doesNotThrow(() => parse(settingsSchema, settings, { where }));
});

const quiet: readonly [string, unknown, object][] = [
  ['no options', {}, {}],
  ['nothing at all', null, {}],
  ['a tunnel of the dashboard', { tunnel_token: 'x' }, { edge: 'cloudflare', cloudflare: { tunnel: { token: 'x' } } }],
  ['only a domain', { domain: 'example.com' }, { domain: 'example.com' }],
];
for (const [what, options, expected] of quiet) {
  test(`${what} says no more than that`, () => {
    assert.deepEqual(readOptions(options, where), { settings: expected, wishes: [] });
  });
}

test('fields that were cleared say nothing', () => {
  const options = { domain: '', api_token: null, services: [], zones: [''], log_level: 'info' };
  assert.deepEqual(readOptions(options, where).settings, { log: { level: 'info' } });
});

const mistakes: readonly [string, unknown, RegExp, string | undefined][] = [
  ['a mistyped key', { domian: 'x' }, /unknown key "domian"/, 'did you mean "domain"?'],
  ['a mistyped value', { expose: 'knwon' }, /\/expose: must be one of labelled, known, all/, 'did you mean "known"?'],
  [
    'a port nobody has',
    { services: [{ name: 'x', port: 70_000 }] },
    /\/services\/0\/port: must be <= 65535/,
    undefined,
  ],
  ['a service without a name', { services: [{ hostname: 'x' }] }, /must have required property 'name'/, undefined],
  ['no object', [1], /must be object/, undefined],
];
for (const [what, options, message, hint] of mistakes) {
  test(`${what} is named`, () => {
    assert.throws(
      () => readOptions(options, where),
      (error: Error & { where?: string; hint?: string; code?: string }) => {
        assert.match(error.message, message);
        assert.equal(error.where, where);
        assert.equal(error.code, 'E_SETTINGS_INVALID');
        if (hint !== undefined) assert.equal(error.hint, hint);
        return true;
      },
    );
  });
}

test('a secret in a mistake is not shown', () => {
  assert.throws(
    () => readOptions({ api_token: 'hunter2'.repeat(1_000) }, where),
    (error: Error) => !/hunter2/.test(`${error.message}${JSON.stringify(error)}`),
  );
});
