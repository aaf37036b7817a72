// Services written in the settings, and the built-in one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ValidationError } from '../../src/errors.ts';
import { createBuiltinSource } from '../../src/sources/builtin.ts';
import { createSettingsSource, type FileService } from '../../src/sources/file.ts';
import { testSource } from '../contract/source.ts';

const never = new AbortController().signal;
const nothing = async () => undefined;

testSource('file', async () => ({
  source: createSettingsSource([{ name: 'nas', address: '192.168.1.10', port: 5001 }]),
  close: nothing,
}));

testSource('builtin', async () => ({ source: createBuiltinSource(), close: nothing }));

describe('a service of the settings', () => {
  test('is enabled by being there, and takes everything a label could say', async () => {
    const written: FileService = {
      name: 'nas',
      address: '192.168.1.10',
      port: 5001,
      protocol: 'https',
      hostname: 'Files.Example.com',
      path: '^/x',
      plugin: 'none',
      access: 'family',
      bypass: ['/share/'],
      origin: { noTLSVerify: true, connectTimeout: '1m', keepAliveConnections: 3 },
    };
    const { services, diagnostics } = await createSettingsSource([written]).list(never);
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(services, [
      {
        id: 'file/nas',
        name: 'nas',
        source: 'file',
        address: '192.168.1.10',
        ports: [{ number: 5001, protocol: 'tcp' }],
        hints: {
          enable: true,
          plugin: 'none',
          path: '^/x',
          port: 5001,
          protocol: 'https',
          access: 'family',
          bypassPaths: ['/share/'],
          hostname: 'files.example.com',
          originRequest: { noTLSVerify: true, connectTimeout: 60, keepAliveConnections: 3 },
        },
        state: 'running',
      },
    ]);
  });

  test('may be nothing but a URL', async () => {
    const { services } = await createSettingsSource([{ name: 'x', service: 'unix:/run/x.sock' }]).list(never);
    assert.deepEqual(services[0]?.hints, { enable: true, service: 'unix:/run/x.sock' });
  });

  const refused: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    ['without an address', [{ name: 'x' }], /has no address/],
    [
      'twice',
      [
        { name: 'x', address: 'a' },
        { name: 'x', address: 'b' },
      ],
      /two services are called "x"/,
    ],
    ['with a wild hostname', [{ name: 'x', address: 'a', hostname: 'https://x' }], /is no hostname/],
    ['with a key that is none', [{ name: 'x', address: 'a', prot: 80 }], /unknown key "prot"/],
    ['with a wild address', [{ name: 'x', address: 'http://a' }], /address/],
    [
      'with an origin key that is none',
      [{ name: 'x', address: 'a', origin: { noTlsVerify: true } }],
      /unknown key "noTlsVerify"/,
    ],
    ['with a wild duration', [{ name: 'x', address: 'a', origin: { connectTimeout: 'soon' } }], /connectTimeout/],
  ];
  for (const [name, services, message] of refused) {
    test(`${name} is refused`, () => {
      assert.throws(
        () => createSettingsSource(services as readonly FileService[]),
        (error: unknown) =>
          error instanceof ValidationError && error.code === 'E_SETTINGS_INVALID' && message.test(error.message),
      );
    });
  }
});

test('the built-in service is the hello page under a name nobody wrote', async () => {
  const { services } = await createBuiltinSource().list(never);
  assert.deepEqual(
    services.map(({ id, name, hints }) => [id, name, hints]),
    [['builtin/hello', 'hello', { enable: true, service: 'hello_world' }]],
  );
});
