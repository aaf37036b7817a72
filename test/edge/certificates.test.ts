// Certificates: for whom they are made, how many are kept, when they are renewed.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Clock } from '../../src/clock.ts';
import { createCertificates, sniCallback } from '../../src/edge/certificates.ts';
import { AppError } from '../../src/errors.ts';

const day = 24 * 60 * 60 * 1000;

async function setUp(t: TestContext, options: { now?: number; directory?: string } = {}) {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'certificates-')));
  t.after(() => rm(directory, { recursive: true, force: true }));
  let now = options.now ?? Date.now();
  const clock: Clock = { now: () => now, sleep: () => Promise.reject(new Error('nobody sleeps here')) };
  const certificates = await createCertificates({
    directory,
    domains: ['localhost', 'example.test'],
    maxCached: 8,
    isRouted: (hostname) => hostname.endsWith('.routed.test'),
    clock,
  });
  const travel = (ms: number) => {
    now += ms;
  };
  return { certificates, directory, travel, ca: new X509Certificate(certificates.caPem) };
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

test('a name no certificate can be made for fails that handshake only', () => {
  const failures: unknown[] = [];
  const callback = sniCallback(() => {
    throw new Error('no');
  });
  callback('x', (error, context) => failures.push(error?.message, context));
  assert.deepEqual(failures, ['no', undefined]);
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
