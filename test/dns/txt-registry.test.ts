// The TXT registry: names as external-dns has them, marks that are read back, and nothing mistaken for ours.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  formatRegistryMark,
  isRegistryMark,
  ownerName,
  parseRegistryMark,
  registryName,
} from '../../src/dns/txt-registry.ts';
import type { ServiceId } from '../../src/model.ts';

const zone = 'example.com';
const label = (length: number) => 'a'.repeat(length);

describe('the name of a registry record', () => {
  const names: readonly [hostname: string, name: string | undefined][] = [
    ['www.example.com', 'cname-www.example.com'],
    ['a.b.example.com', 'cname-a.b.example.com'],
    ['*.example.com', 'cname-_wildcard.example.com'],
    ['*.apps.example.com', 'cname-_wildcard.apps.example.com'],
    ['_dav.example.com', 'cname-_dav.example.com'],
    // As long as a label may be, and one longer.
    [`${label(57)}.example.com`, `cname-${label(57)}.example.com`],
    [`${label(58)}.example.com`, undefined],
    // Outside the zone.
    ['example.com', undefined],
    // A record for the wildcard would be called the same.
    ['_wildcard.example.com', undefined],
  ];
  for (const [hostname, name] of names)
    test(`of ${hostname.slice(0, 30)} is ${name === undefined ? 'none' : name.slice(0, 40)}`, () => {
      assert.equal(registryName(hostname, zone), name);
      if (name === undefined) return;
      const mark = parseRegistryMark(name, formatRegistryMark({ id: 'home', resource: 'docker/a' }));
      assert.deepEqual([mark?.hostname, mark?.type], [hostname, 'CNAME']);
    });

  test('that would be longer than DNS allows is none', () => {
    const hostname = `${label(50)}.${`${label(49)}.`.repeat(3)}${label(40)}.${zone}`;
    assert.equal(hostname.length, 253);
    assert.equal(registryName(hostname, zone), undefined);
  });
});

describe('what a registry record says', () => {
  const owner = { id: 'home', resource: 'docker/immich/immich-server' } as const;
  const content =
    '"heritage=external-dns,external-dns/owner=home,external-dns/resource=sallyport/docker/immich/immich-server"';

  test('is what external-dns users know', () => assert.equal(formatRegistryMark(owner), content));

  const same: readonly string[] = [
    content,
    content.slice(1, -1),
    ` ${content} `,
    content.replace('external-dns/owner', '" "external-dns/owner'),
    content.replaceAll('/', '\\/'),
  ];
  for (const text of same)
    test(`is read from ${text.slice(0, 60)}…`, () => {
      assert.deepEqual(parseRegistryMark('cname-photos.example.com', text)?.owner, owner);
      assert.ok(isRegistryMark(text, owner));
    });

  const foreign: readonly [content: string, name: string][] = [
    [
      '"heritage=external-dns,external-dns/owner=k8s,external-dns/resource=ingress/default/web"',
      'external-dns (owner "k8s")',
    ],
    // The same id as ours makes an external-dns no instance of ours.
    [
      '"heritage=external-dns,external-dns/owner=home,external-dns/resource=ingress/default/web"',
      'external-dns (owner "home")',
    ],
    ['"heritage=external-dns,external-dns/owner=home"', 'external-dns (owner "home")'],
    [
      '"heritage=external-dns,external-dns/owner=home,external-dns/resource=sallyport/nothing"',
      'external-dns (owner "home")',
    ],
    ['heritage=external-dns', 'external-dns (owner "")'],
    ['"external-dns/owner=k8s,heritage=external-dns"', 'external-dns (owner "k8s")'],
    [
      '"heritage=external-dns,external-dns/owner=cabin,external-dns/resource=sallyport/docker/web"',
      'the instance "cabin"',
    ],
  ];
  for (const [text, name] of foreign)
    test(`in ${text.slice(0, 90)} is that it belongs to ${name}`, () => {
      const mark = parseRegistryMark('cname-web.example.com', text);
      assert.ok(mark !== undefined);
      assert.equal(ownerName(mark.owner), name);
      assert.notEqual(mark.owner.id, 'home');
    });

  const nothing: readonly string[] = [
    '',
    '"',
    '""',
    'v=spf1 -all',
    '"heritage=other,external-dns/owner=home"',
    '"my heritage=external-dns,external-dns/owner=home"',
    'external-dns/owner=home,external-dns/resource=sallyport/docker/a',
    'sallyport owner=home resource=docker/a',
    '"c29tZSBlbmNyeXB0ZWQgdGV4dA=="',
  ];
  for (const text of nothing)
    test(`in ${JSON.stringify(text)} is nothing`, () =>
      assert.equal(parseRegistryMark('cname-a.example.com', text), undefined));

  const subjects: readonly [name: string, hostname: string, type: string | undefined][] = [
    ['a-web.example.com', 'web.example.com', 'A'],
    ['aaaa-web.example.com', 'web.example.com', 'AAAA'],
    ['cname-a-web.example.com', 'a-web.example.com', 'CNAME'],
    ['cname-*.example.com', '*.example.com', 'CNAME'],
    // external-dns before 0.12.
    ['web.example.com', 'web.example.com', undefined],
    ['web-a.example.com', 'web-a.example.com', undefined],
  ];
  for (const [name, hostname, type] of subjects)
    test(`by the name of ${name} is about ${type ?? 'any'} record of ${hostname}`, () => {
      const mark = parseRegistryMark(name, '"heritage=external-dns,external-dns/owner=k8s"');
      assert.deepEqual([mark?.hostname, mark?.type], [hostname, type]);
    });

  test('fits in one string and keeps the owner, whatever the service is called', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/);
    const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(id, part, part, (home, source, name) => {
        const written = { id: home, resource: `${source}/${name}` as ServiceId };
        const text = formatRegistryMark(written);
        assert.ok(text.length <= 257 && /^"[!-~]*"$/.test(text), text);
        assert.equal(parseRegistryMark('cname-a.example.com', text)?.owner.id, home);
        assert.ok(isRegistryMark(text, written));
      }),
    );
  });

  test('of two long service ids that differ only at the end is different', () => {
    const long = (end: string) => formatRegistryMark({ id: 'home', resource: `docker/${label(300)}/${end}` });
    assert.notEqual(long('one'), long('two'));
  });

  test('however hostile the text is, reading it ends quickly and well', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 4_096 }), fc.string({ maxLength: 255 }), (text, name) => {
        const mark = parseRegistryMark(name, text);
        assert.ok(mark === undefined || text.includes('heritage'));
      }),
    );
    const long = `"heritage=external-dns,external-dns/owner=${'x'.repeat(3_000)}"`;
    assert.ok((parseRegistryMark('cname-a.example.com', long)?.owner.id.length ?? 0) < 300);
    assert.equal(parseRegistryMark('cname-a.example.com', `${long}${'"\\'.repeat(100_000)}`), undefined);
  });
});
