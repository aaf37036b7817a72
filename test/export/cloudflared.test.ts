// The configuration file for cloudflared: what a real one makes of it, and that no name can add a line.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { appliedState } from '../../src/export/applied.ts';
import { exportCloudflared, exportCloudflaredJson } from '../../src/export/cloudflared.ts';
import { parseCloudflaredConfig } from '../../src/ingress/cloudflared-file.ts';
import type { IngressEntry, Service } from '../../src/model.ts';
import { sallyport } from '../cli/command.ts';
import { entryOf, passOf, tunnelId } from './sample.ts';
import { cloudflareds, noCloudflared, runAlone } from './tools.ts';

const credentialsFile = '/data/credentials.json';

function inputsOf(entries: readonly IngressEntry[], more = {}) {
  return { applied: appliedState(passOf(entries)), tunnelId, credentialsFile, ...more };
}

const entries: readonly IngressEntry[] = [
  entryOf('web.example.com', { service: 'http://user:secret@10.0.0.1:80' }),
  entryOf('web.example.com', {
    path: '^/api/v[0-9]+',
    service: 'https://10.0.0.1:8443',
    originRequest: { noTLSVerify: true },
  }),
  entryOf('*.example.com', { service: 'http_status:503' }),
  entryOf('ssh.example.com', { service: 'ssh://10.0.0.3:22' }, { policy: 'admins' }),
  entryOf('sock.example.com', {
    service: 'unix:/run/x.sock',
    originRequest: {
      connectTimeout: 90,
      httpHostHeader: 'a "b" $\x7bc}\n- d',
      ipRules: [{ prefix: '10.0.0.0/8', ports: [22], allow: true }],
      access: { required: true, teamName: 'team', audTag: ['x'] },
    },
  }),
];

describe('the configuration file', () => {
  test('has the tunnel, the path of its credentials and the rules in order, the last one for everything else', () => {
    const config = parseCloudflaredConfig(exportCloudflared(inputsOf(entries)), 'cloudflared.yml');
    assert.equal(config.tunnel, tunnelId);
    assert.equal(config.credentialsFile, credentialsFile);
    assert.deepEqual(
      config.ingress.map(({ hostname, path }) => `${hostname}${path ?? ''}`),
      [
        'sock.example.com',
        'ssh.example.com',
        'web.example.com^/api/v[0-9]+',
        'web.example.com',
        '*.example.com',
        'undefined',
      ],
    );
    assert.deepEqual(config.ingress[0], entries[4]?.rule);
    assert.deepEqual(config.warnings, []);
  });

  test('has no password in it, and names the lock that it cannot have', () => {
    const text = exportCloudflared(inputsOf(entries));
    assert.doesNotMatch(text, /secret/);
    assert.match(text, /service: "http:\/\/10\.0\.0\.1:80"/);
    assert.match(text, /^# - ssh\.example\.com: admins$/m);
  });

  test('dials the edge that is not Cloudflare’s, never with one address alone', () => {
    const more = { edges: ['127.0.0.1:7844'], caFile: '/data/ca.pem' };
    const { settings } = parseCloudflaredConfig(exportCloudflared(inputsOf([], more)), 'cloudflared.yml');
    const { edge, protocol, cacert } = settings;
    assert.deepEqual(
      { edge, protocol, cacert },
      { edge: ['127.0.0.1:7844', '127.0.0.1:7844'], protocol: 'http2', cacert: '/data/ca.pem' },
    );
  });

  test('says where it will not stay true: containers move, and stopped ones come back', () => {
    const address = '10.0.0.2';
    const inputs = inputsOf([entryOf('a.example.com'), entryOf('b.example.com', { service: 'http_status:503' })]);
    const [first, second] = inputs.applied.services;
    assert.ok(first && second);
    const textOf = (services: readonly Service[]) =>
      exportCloudflared({ ...inputs, applied: { ...inputs.applied, services } });
    assert.match(
      textOf([
        { ...first, address },
        { ...second, state: 'stopped' },
      ]),
      /^# Containers are named by the addresses they have now.*\n#\n# Stopped now.*\n# - b\.example\.com$/m,
    );
    const published = { number: 80, protocol: 'tcp', target: 3000 } as const;
    assert.doesNotMatch(textOf([{ ...first, address, ports: [published] }, second]), /addresses|Stopped/);
  });

  test('as JSON is the same', () => {
    const inputs = inputsOf(entries);
    assert.deepEqual(JSON.parse(exportCloudflaredJson(inputs)), parse(exportCloudflared(inputs)));
  });

  test('stays what it is whatever names, paths, policies and reasons say', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(anything, anything, anything, (policy, header, reason) => {
        const entry = entryOf('a.example.com', { originRequest: { httpHostHeader: header } }, { policy });
        const applied = { entries: [entry], services: [], withheld: [{ what: policy, reason }] };
        const file = parse(exportCloudflared({ applied, tunnelId, credentialsFile })) as Record<string, unknown>;
        assert.deepEqual(Object.keys(file), ['tunnel', 'credentials-file', 'ingress']);
        const [rule] = file.ingress as { originRequest?: { httpHostHeader?: string } }[];
        assert.equal(rule?.originRequest?.httpHostHeader, header);
      }),
    );
  });
});

describe('a real cloudflared', { skip: noCloudflared }, () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-export-'));
    file = join(folder, 'cloudflared.yml');
    writeFileSync(file, exportCloudflared(inputsOf(entries, { edges: ['127.0.0.1:7844'] })));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const urls = [
    'https://web.example.com/',
    'https://web.example.com/api/v2/x',
    'https://web.example.com/api/vx',
    'https://WEB.example.com/api/v2',
    'https://other.example.com/',
    'https://a.b.example.com/',
    'https://ssh.example.com/',
    'https://sock.example.com/any',
    'https://example.com/',
    'https://example.org/',
  ];
  for (const program of cloudflareds) {
    test(`${program} finds nothing wrong`, () => {
      const { stdout, status } = runAlone(program, ['tunnel', '--config', file, 'ingress', 'validate'], '');
      assert.deepEqual([String(stdout).trim().split('\n').at(-1), status], ['OK', 0]);
    });
    test(`${program} leads every URL where we do`, async () => {
      for (const url of urls) {
        const { stdout } = runAlone(program, ['tunnel', '--config', file, 'ingress', 'rule', url], '');
        const ours = await sallyport('ingress', 'rule', '--config', file, url);
        // Their number is off by one in some versions.
        assert.deepEqual(fields(String(stdout)), fields(ours.stdout), url);
      }
    });
  }
});

function fields(output: string): readonly string[] {
  const found = output.split('\n').filter((line) => line.startsWith('\t'));
  assert.ok(found.length > 0, output);
  return found;
}
