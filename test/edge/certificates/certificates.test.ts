// Certificates: for whom they are made, how many are kept, when they are renewed.
import assert from 'node:assert/strict';
import 'reflect-metadata';
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  BasicConstraintsExtension,
  X509Certificate as LibraryCertificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Clock } from '../../../src/clock.ts';
import { createCertificates, sniCallback } from '../../../src/edge/certificates/certificates.ts';
import { AppError } from '../../../src/errors.ts';
import type { Logger } from '../../../src/logger.ts';

const day = 24 * 60 * 60 * 1000;

interface Setting {
  readonly now?: number;
  readonly directory?: string;
  readonly domains?: readonly string[];
}

async function setUp(t: TestContext, options: Setting = {}) {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'certificates-')));
  t.after(() => rm(directory, { recursive: true, force: true }));
  let now = options.now ?? Date.now();
  const clock: Clock = { now: () => now, sleep: () => Promise.reject(new Error('nobody sleeps here')) };
  const lines: string[] = [];
  const certificates = await createCertificates({
    directory,
    domains: options.domains ?? ['localhost', 'example.test'],
    maxCached: 8,
    isRouted: (hostname) => hostname.endsWith('.routed.test'),
    logger: loggerInto(lines),
    clock,
  });
  const travel = (ms: number) => {
    now += ms;
  };
  return { certificates, directory, travel, lines, ca: new X509Certificate(certificates.caPem) };
}

/** Keeps the level and message of what was logged. */
function loggerInto(lines: string[]): Logger {
  const at = (level: string) => (_fields: unknown, message?: string) => {
    lines.push(`${level}: ${message}`);
  };
  const logger: Logger = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}

test('every certificate is signed by the CA and names what it is for', async (t) => {
  const { certificates, ca } = await setUp(t);
  const cases = [
    [await certificates.tunnel(), 'DNS:h2.cftunnel.com, DNS:quic.cftunnel.com, DNS:probe.cftunnel.com'],
    [await certificates.visitor('A.Routed.test'), 'DNS:a.routed.test'],
    [
      await certificates.visitor(undefined),
      'DNS:localhost, DNS:*.localhost, DNS:example.test, DNS:*.example.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    ],
  ] as const;
  for (const [{ cert }, names] of cases) {
    const leaf = new X509Certificate(cert);
    assert.ok(leaf.verify(ca.publicKey));
    assert.ok(leaf.checkIssued(ca));
    assert.equal(leaf.subjectAltName, names);
    assert.equal(leaf.ca, false);
    assert.ok(Date.parse(leaf.validTo) - Date.parse(leaf.validFrom) <= 398 * day, 'browsers refuse longer ones');
  }
  assert.equal(ca.ca, true);
  assert.ok(Date.parse(ca.validTo) > Date.now() + 3_000 * day);
});

test('a certificate is made once per routed name, and names without a record share one', async (t) => {
  const { certificates } = await setUp(t);
  assert.equal(await certificates.visitor('a.routed.test'), await certificates.visitor('A.routed.TEST'));
  const shared = await certificates.visitor(undefined);
  for (const name of ['unknown.test', '', '..', '*.routed.test', 'a b.routed.test', `${'a'.repeat(300)}.routed.test`])
    assert.equal(await certificates.visitor(name), shared, name);
});

test('a scanner that walks through a wildcard fills no memory', async (t) => {
  const { certificates } = await setUp(t);
  const first = await certificates.visitor('0.routed.test');
  const often = await certificates.visitor('often.routed.test');
  for (let i = 1; i <= 20; i++) {
    await certificates.visitor(`${i}.routed.test`);
    if (i % 5 === 0) assert.equal(await certificates.visitor('often.routed.test'), often);
  }
  assert.notEqual(await certificates.visitor('0.routed.test'), first);
});

test('a certificate is renewed before it expires', async (t) => {
  const { certificates, travel } = await setUp(t);
  const old = await certificates.visitor('a.routed.test');
  travel(300 * day);
  assert.equal(await certificates.visitor('a.routed.test'), old);
  travel(90 * day);
  const renewed = await certificates.visitor('a.routed.test');
  assert.notEqual(renewed, old);
  assert.ok(Date.parse(new X509Certificate(renewed.cert).validTo) > Date.parse(new X509Certificate(old.cert).validTo));
});

test('a name no certificate can be made for fails that handshake only', async () => {
  const failure = await new Promise((resolve) => {
    const callback = sniCallback(() => Promise.reject(new Error('no')));
    callback('x', (error, context) => resolve([error?.message, context]));
  });
  assert.deepEqual(failure, ['no', undefined]);
});

test('a file that can be neither read nor replaced costs log lines, not the start', async (t) => {
  const { certificates, directory, lines } = await setUp(t);
  await mkdir(join(directory, 'tunnel-server.pem'));
  const identity = await certificates.tunnel();
  assert.equal(await certificates.tunnel(), identity);
  assert.deepEqual(lines, [
    'warn: server certificate cannot be read and is made anew',
    'warn: server certificate could not be kept',
  ]);
});

test('whoever asks at the same time gets the same certificate', async (t) => {
  const { certificates } = await setUp(t);
  const [first, second] = await Promise.all([
    certificates.visitor('a.routed.test'),
    certificates.visitor('a.routed.test'),
  ]);
  assert.equal(first, second);
});

test('a name that is asked for after an error is tried anew', async (t) => {
  const { certificates } = await setUp(t);
  let isBroken = true;
  t.mock.method(globalThis.crypto.subtle, 'sign', async () => (isBroken ? Promise.reject(new Error('no')) : undefined));
  await assert.rejects(certificates.visitor('a.routed.test'), /no/);
  isBroken = false;
  t.mock.restoreAll();
  assert.match((await certificates.visitor('a.routed.test')).cert, /BEGIN CERTIFICATE/);
});

interface Damage {
  readonly name: string;
  readonly change: (text: string, other: string) => string;
}

const damages: readonly Damage[] = [
  { name: 'emptied', change: () => '' },
  { name: 'cut off', change: (text) => text.slice(0, text.length / 2) },
  { name: 'no longer base64', change: (text) => text.replace(/\nM/, '\n!') },
  {
    name: 'mixed up with another key',
    change: (text, other) => other.slice(0, other.indexOf('-----BEGIN C')) + text.slice(text.indexOf('-----BEGIN C')),
  },
];

for (const { name, change } of damages) {
  test(`a CA file that is ${name} is an error, and stays as it is`, async (t) => {
    const { directory } = await setUp(t);
    const other = await setUp(t);
    const path = join(directory, 'ca-key.pem');
    const damaged = change(await readFile(path, 'utf8'), await readFile(join(other.directory, 'ca-key.pem'), 'utf8'));
    await writeFile(path, damaged);
    await assert.rejects(
      setUp(t, { directory }),
      (error) => error instanceof AppError && error.code === 'E_STATE' && error.where === path,
    );
    assert.equal(await readFile(path, 'utf8'), damaged);
  });
}

test('an expired CA is an error, not a silent replacement', async (t) => {
  const { directory } = await setUp(t);
  await assert.rejects(setUp(t, { directory, now: Date.now() + 4_000 * day }), /has expired/);
});

test('a lost public copy is written again', async (t) => {
  const { directory, certificates } = await setUp(t);
  await rm(join(directory, 'ca.pem'));
  await setUp(t, { directory });
  assert.equal(await readFile(join(directory, 'ca.pem'), 'utf8'), certificates.caPem);
});

const keptFiles = [
  ['tunnel-server.pem', 'tunnel'],
  ['visitor-server.pem', 'visitor'],
] as const;

for (const [file, kind] of keptFiles) {
  const show = (certificates: Awaited<ReturnType<typeof setUp>>['certificates']) =>
    kind === 'tunnel' ? certificates.tunnel() : certificates.visitor(undefined);

  test(`${file} outlives a restart, private to its owner`, async (t) => {
    const first = await setUp(t);
    const { cert, key } = await show(first.certificates);
    const path = join(first.directory, file);
    assert.equal(await readFile(path, 'utf8'), key + cert);
    await chmod(path, 0o644);
    const second = await setUp(t, { directory: first.directory });
    const again = await show(second.certificates);
    assert.deepEqual([again.cert, again.key], [cert, key]);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual([...first.lines, ...second.lines], []);
  });

  const reasons: readonly (readonly [name: string, change: (path: string) => Promise<Setting>, logged: string])[] = [
    ['expires soon', async () => ({ now: Date.now() + 370 * day }), 'info: server certificate is made anew'],
    ['is not valid yet', async () => ({ now: Date.now() - 5 * day }), 'info: server certificate is made anew'],
    ['is broken', emptied, 'warn: server certificate cannot be read and is made anew'],
    ['is from another authority', orphaned, 'info: server certificate is made anew'],
  ];
  for (const [name, change, logged] of reasons) {
    test(`${file} is made anew when it ${name}`, async (t) => {
      const first = await setUp(t);
      const old = await show(first.certificates);
      const path = join(first.directory, file);
      const second = await setUp(t, { directory: first.directory, ...(await change(path)) });
      const fresh = await show(second.certificates);
      assert.notEqual(fresh.cert, old.cert);
      assert.ok(new X509Certificate(fresh.cert).checkIssued(second.ca));
      assert.equal(await readFile(path, 'utf8'), fresh.key + fresh.cert);
      assert.deepEqual(second.lines, [logged]);
    });
  }
}

async function emptied(path: string): Promise<Setting> {
  await writeFile(path, '');
  return {};
}

async function orphaned(path: string): Promise<Setting> {
  await rm(join(path, '..', 'ca-key.pem'));
  return {};
}

test('other domains need another certificate', async (t) => {
  const { certificates, directory } = await setUp(t);
  const old = await certificates.visitor(undefined);
  const { certificates: next } = await setUp(t, { directory, domains: ['other.test'] });
  const { cert } = await next.visitor(undefined);
  assert.notEqual(cert, old.cert);
  assert.match(new X509Certificate(cert).subjectAltName ?? '', /^DNS:other\.test, DNS:\*\.other\.test, DNS:localhost/);
});

test('near the end of the CA nothing is made anew that would end no later', async (t) => {
  const now = Date.now() + 3_600 * day;
  const { directory } = await setUp(t);
  const one = await setUp(t, { directory, now });
  const { cert } = await one.certificates.tunnel();
  one.travel(25 * day);
  assert.equal((await one.certificates.tunnel()).cert, cert);
  const two = await setUp(t, { directory, now: now + 15 * day });
  assert.equal((await two.certificates.tunnel()).cert, cert);
});

test('the issuer of a certificate is the name of the CA, byte by byte', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'certificates-'));
  const keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const authority = await X509CertificateGenerator.createSelfSigned({
    // A UTF8String and a BMPString, where the library would choose otherwise.
    name: [{ O: ['#0c0953616c6c79706f7274'] }, { CN: ['#1e0400430041'] }],
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 900 * day),
    keys: { publicKey: cryptoKey(keys.publicKey, 'verify'), privateKey: cryptoKey(keys.privateKey, 'sign') },
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  const keyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
  await writeFile(join(directory, 'ca-key.pem'), `${keyPem}${authority.toString('pem')}\n`);
  const { certificates } = await setUp(t, { directory });
  const leaf = new LibraryCertificate((await certificates.tunnel()).cert);
  assert.deepEqual(Buffer.from(leaf.issuerName.toArrayBuffer()), Buffer.from(authority.subjectName.toArrayBuffer()));
});

function cryptoKey(key: KeyObject, usage: 'sign' | 'verify') {
  return key.toCryptoKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [usage]);
}
