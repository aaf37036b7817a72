// `settings check` and the commands that need settings, given files that are wrong: where, what, how to mend it, exit code 1.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { createHome, type Home, sallyport, unprivileged } from './command.ts';

let home: Home;
before(() => {
  home = createHome();
});
after(() => home.remove());

/** Four aliases of four aliases of …: two hundred bytes that mean millions of values. */
const nestedAliases = Array.from(
  { length: 12 },
  (_, i) => `a${i}: &a${i} [${i === 0 ? 'x' : `*a${i - 1},`.repeat(4)}]`,
).join('\n');

describe('settings that are wrong', () => {
  const cases: readonly [name: string, text: string, says: RegExp][] = [
    ['an unknown key', 'webb: {}', /\/: unknown key "webb" \(.*\): did you mean "web"\?/],
    ['an unknown key further down', 'web: { lisen: x }', /\/web: unknown key "lisen" \(.*\): did you mean "listen"\?/],
    ['a value that is none of the allowed', 'mode: synch', /\/mode: must be one of sync, upsert-only, dry-run/],
    ['a wrong type', 'domain: 12', /\/domain: must be string/],
    ['no YAML', 'domain: "x', /not valid YAML: .* line 1/],
    ['a key twice', 'domain: a.example\ndomain: b.example', /not valid YAML: .*unique at line 2/],
    ['two documents', 'domain: a.example\n---\ndomain: b.example', /not valid YAML/],
    ['a list', '- domain', /must hold keys and values .*begin with/],
    ['nested aliases', nestedAliases, /not valid YAML: .*: write the values out/],
    ['brackets without end', `services: ${'['.repeat(20_000)}`, /not valid YAML/],
    ['a prototype', '__proto__: { domain: x }', /unknown key "__proto__"/],
    ['a duration', 'grace: soon', /\/grace: .*: A duration is written like 30s/],
    [
      'a port',
      'web: { listen: "127.0.0.1:99999" }',
      /"127.0.0.1:99999" is not an address \(.*\/web\/listen\): write it like/,
    ],
    ['an engine', 'docker: { endpoints: [http://x] }', /\/docker\/endpoints\/0: .*: An engine is written like unix:/],
    ['a policy for nobody', 'access: { policies: { a: { allow: {} } } }', /\/allow: .*: Who is let in, such as/],
    ['no e-mail address', 'access: { policies: { a: { allow: { emails: [x] } } } }', /\/0: .*: An e-mail address/],
    ['a tunnel by name only', 'cloudflare: { tunnel: home }', /\/tunnel: .*: .*\{ name \}/],
    ['a permission', 'labels: { allow: { public: "yes" } }', /\/public: must be boolean .*: true or false/],
    ['a default policy that is not there', 'access: { default: famly }', /"famly" \(.*\/access\/default\): .*public/],
    ['Cloudflare without a token', 'edge: cloudflare', /needs an API token .*api_token_file/],
    [
      'a secret file that is not there',
      'cloudflare: { api_token_file: /nonexistent/x }',
      /secret file \(ENOENT\) \(\/nonexistent\/x\)/,
    ],
  ];
  for (const [name, text, says] of cases)
    test(`${name} is named, with the file`, async () => {
      const file = home.write('wrong.yml', text);
      const { stdout, stderr, exit } = await sallyport('settings', 'check', file);
      assert.deepEqual([stdout, exit], ['', 1]);
      assert.match(stderr, /^error E_SETTINGS_(INVALID|UNREADABLE): .*\n$/);
      assert.match(stderr, says);
    });

  const services: readonly [name: string, item: string, says: RegExp][] = [
    ['port 70000', '{ name: a, address: 127.0.0.1, port: 70000 }', /\/services\/0\/port: must be <= 65535/],
    ['port 0', '{ name: a, address: 127.0.0.1, port: 0 }', /\/services\/0\/port: must be >= 1/],
    ['no address', '{ name: a }', /service "a" has no address \(.*wrong\.yml \/services\/0\): add address/],
    ['a URL as address', '{ name: a, address: "http://x", port: 80 }', /\/address/],
    [
      'a URL without host',
      '{ name: a, service: "http://" }',
      /http:\/\/ is an invalid address.*\(.*\/services\/0\/service\)/,
    ],
    [
      'a URL with a port too high',
      '{ name: a, service: "http://x:70000" }',
      /70000 is no port \(.*\/services\/0\/service\)/,
    ],
    ['a status that is none', '{ name: a, service: "http_status:99" }', /invalid HTTP status code/],
    [
      'a path that is no expression',
      '{ name: a, address: x, port: 80, path: "(" }',
      /missing closing \): `\(` \(.*\/services\/0\/path\)/,
    ],
    ['a name with a space', '{ name: "a b", address: x }', /\/services\/0\/name/],
    [
      'a hostname that is none',
      '{ name: a, service: hello_world, hostname: "ö ö" }',
      /"ö ö" is no hostname \(.*\/hostname\)/,
    ],
    [
      'an origin key that is none',
      '{ name: a, service: hello_world, origin: { noTLSVerfy: true } }',
      /did you mean "noTLSVerify"/,
    ],
    [
      'two of one name',
      '{ name: a, service: hello_world }\n  - { name: a, service: hello_world }',
      /two services are called "a"/,
    ],
  ];
  for (const [name, item, says] of services)
    test(`a service with ${name} is named, with its place`, async () => {
      const file = home.write('wrong.yml', `services:\n  - ${item}\n`);
      const { stderr, exit } = await sallyport('settings', 'check', file);
      assert.equal(exit, 1);
      assert.match(stderr, /^error E_SETTINGS_INVALID: .*wrong\.yml.*\n$/);
      assert.match(stderr, says);
    });

  test('a secret in a wrong place is not repeated', async () => {
    for (const text of [
      'cloudflare: { api_token: [s3cr3t] }',
      'cloudflare: { api_tokn: s3cr3t }',
      "cloudflare: { api_token: 's3cr3t",
    ]) {
      const { stderr, exit } = await sallyport('settings', 'check', home.write('wrong.yml', text));
      assert.equal(exit, 1);
      assert.ok(!stderr.includes('s3cr3t'), stderr);
    }
  });
});

describe('settings that cannot be read', () => {
  const commands = [['settings', 'check'], ['services'], ['plan'], ['apply'], ['plugins', 'list'], ['run']] as const;
  for (const command of commands)
    test(`\`${command.join(' ')}\` says which file is not there`, async () => {
      const { stdout, stderr, exit } = await sallyport('--settings', '/nonexistent/sallyport.yml', ...command);
      assert.deepEqual([stdout, exit], ['', 1]);
      assert.match(
        stderr,
        /^error E_SETTINGS_UNREADABLE: .*ENOENT.* \(\/nonexistent\/sallyport\.yml\): check the path.*\n$/,
      );
    });

  test('a folder is no file', async () => {
    const { stderr, exit } = await sallyport('settings', 'check', home.dir);
    assert.equal(exit, 1);
    assert.match(stderr, /EISDIR/);
  });

  test('a file that never ends is not read to its end', async () => {
    const { stderr, exit } = await sallyport('settings', 'check', '/dev/zero');
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_SETTINGS_UNREADABLE: the settings file is longer than/);
  });

  test('a huge file is not taken apart', async () => {
    const file = home.write('huge.yml', `domain: x.example\n${'# nothing\n'.repeat(1_000_000)}`);
    const { stderr, exit } = await sallyport('settings', 'check', file);
    assert.equal(exit, 1);
    assert.match(stderr, /longer than/);
  });

  test('one that this user may not read', async () => {
    const file = home.write('mine.yml', 'domain: x.example');
    chmodSync(file, 0o000);
    const { stderr, exit } = await unprivileged(() => sallyport('settings', 'check', file));
    assert.equal(exit, 1);
    assert.match(
      stderr,
      /^error E_SETTINGS_UNREADABLE: cannot read the settings file \(EACCES\) \(.*mine\.yml\): check the path/,
    );
  });

  test('an empty one is like none, and so is one of nothing but comments', async () => {
    for (const text of ['', '\n', '# nothing here\n', '---\n'])
      assert.equal((await sallyport('settings', 'check', home.write('empty.yml', text))).exit, 0);
  });

  test('random bytes are an error, not a crash', async () => {
    const bytes = Uint8Array.from({ length: 2_000 }, (_, index) => (index * 197 + 13) % 256);
    const { stderr, exit } = await sallyport('settings', 'check', home.write('bytes.yml', bytes));
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_SETTINGS_INVALID: [^\n]*\n$/);
  });
});

describe('a data directory that cannot be', () => {
  test('`apply` names it', async () => {
    const file = home.write('plain-file', '');
    const settings = home.settings(`data_dir: ${file}/state\n`);
    const { stderr, exit } = await sallyport('--settings', settings, 'apply');
    assert.equal(exit, 1);
    assert.match(
      stderr,
      /^error E_STATE: cannot use the data directory \(ENOTDIR\) \(.*plain-file\/state\): make it writable.*\n$/,
    );
  });

  for (const command of ['services', 'plan'])
    test(`\`${command}\` needs none`, async () => {
      const settings = home.settings('data_dir: /proc/nowhere\n');
      const { stdout, exit } = await sallyport('--settings', settings, command);
      assert.equal(exit, 0);
      assert.match(stdout, /hello\.localhost/);
    });

  test('a file in the place of one of its files is named', async () => {
    mkdirSync(`${home.dataDir}/owner`, { recursive: true });
    const { stderr, exit } = await sallyport('--settings', home.settings(), 'plan');
    assert.equal(exit, 1);
    assert.match(stderr, /^error E_STATE: .*EISDIR.*state\/owner/);
  });
});
