// What a DNS record may hold and which records exclude each other, with Cloudflare's codes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkRecord,
  conflictWith,
  defaultLimits,
  type RecordFields,
  type RecordInput,
} from '../../../src/edge/store/record-rules.ts';
import { RefusedError } from '../../../src/edge/store/refusal.ts';

const zone = 'example.com';

function check(input: RecordInput): RecordFields {
  return checkRecord(input, zone, defaultLimits);
}

const stored: { name: string; input: RecordInput; want: Partial<RecordFields> }[] = [
  {
    name: 'defaults are filled in',
    input: { type: 'a', name: 'x', content: ' 192.0.2.1 ' },
    want: { type: 'A', name: 'x.example.com', content: '192.0.2.1', ttl: 1, proxied: false, comment: null, tags: [] },
  },
  {
    name: 'a proxied record has the automatic TTL',
    input: { type: 'A', name: 'x', content: '192.0.2.1', proxied: true, ttl: 300 },
    want: { ttl: 1 },
  },
  {
    name: 'a CNAME target is normalised',
    input: { type: 'CNAME', name: 'x', content: 'Target.Example.NET.' },
    want: { content: 'target.example.net' },
  },
  {
    name: 'AAAA is written in lower case',
    input: { type: 'AAAA', name: 'x', content: '2001:DB8::1' },
    want: { content: '2001:db8::1' },
  },
  {
    name: 'text is kept verbatim',
    input: { type: 'TXT', name: 'x', content: '"heritage=external-dns,Owner=A"' },
    want: { content: '"heritage=external-dns,Owner=A"' },
  },
  {
    name: 'MX keeps its priority',
    input: { type: 'MX', name: '@', content: 'mail.example.com', priority: 10 },
    want: { priority: 10, name: 'example.com' },
  },
  {
    name: 'SRV content comes from its data',
    input: { type: 'SRV', name: '_x._tcp', data: { priority: 1, weight: 2, port: 3, target: 'a.b' } },
    want: { content: '2 3 a.b', priority: 1 },
  },
  {
    name: 'CAA content comes from its data',
    input: { type: 'CAA', name: '@', data: { flags: 0, tag: 'issue', value: 'letsencrypt.org' } },
    want: { content: '0 issue "letsencrypt.org"' },
  },
  {
    name: 'an empty comment is none',
    input: { type: 'A', name: 'x', content: '192.0.2.1', comment: '' },
    want: { comment: null },
  },
  {
    name: 'a comment of exactly 100 characters fits, whatever its bytes',
    input: { type: 'A', name: 'x', content: '192.0.2.1', comment: '🚪'.repeat(100) },
    want: { comment: '🚪'.repeat(100) },
  },
  {
    name: 'a tag given twice is kept once',
    input: { type: 'A', name: 'x', content: '192.0.2.1', tags: ['owner:a', 'owner:a', 'plain'] },
    want: { tags: ['owner:a', 'plain'] },
  },
];

for (const { name, input, want } of stored)
  test(`${name}`, () => {
    const fields = check(input);
    for (const [key, value] of Object.entries(want)) assert.deepEqual(fields[key as keyof RecordFields], value, key);
  });

const refused: { name: string; input: RecordInput; code: number }[] = [
  { name: 'an unknown type', input: { type: 'SPF2', name: 'x', content: 'y' }, code: 9020 },
  { name: 'an impossible name', input: { type: 'A', name: 'a b', content: '192.0.2.1' }, code: 9000 },
  { name: 'an A record without an address', input: { type: 'A', name: 'x', content: 'host.example' }, code: 9005 },
  { name: 'an A record without content', input: { type: 'A', name: 'x' }, code: 9005 },
  { name: 'an AAAA record with an IPv4 address', input: { type: 'AAAA', name: 'x', content: '192.0.2.1' }, code: 9006 },
  { name: 'an AAAA record with a zone', input: { type: 'AAAA', name: 'x', content: 'fe80::1%eth0' }, code: 9006 },
  { name: 'a CNAME to an address', input: { type: 'CNAME', name: 'x', content: '192.0.2.1' }, code: 9007 },
  { name: 'a CNAME to a URL', input: { type: 'CNAME', name: 'x', content: 'http://a.example/' }, code: 9007 },
  { name: 'a CNAME to a wildcard', input: { type: 'CNAME', name: 'x', content: '*.example.com' }, code: 9007 },
  { name: 'a CNAME to itself', input: { type: 'CNAME', name: 'x', content: 'X.example.com.' }, code: 9039 },
  { name: 'empty text', input: { type: 'TXT', name: 'x', content: ' ' }, code: 9009 },
  { name: 'endless text', input: { type: 'TXT', name: 'x', content: 'x'.repeat(4_097) }, code: 9009 },
  { name: 'a mail server that is no host', input: { type: 'MX', name: 'x', content: 'a b', priority: 1 }, code: 9009 },
  { name: 'a mail server without priority', input: { type: 'MX', name: 'x', content: 'a.b' }, code: 9009 },
  { name: 'a priority out of range', input: { type: 'MX', name: 'x', content: 'a.b', priority: 65_536 }, code: 9009 },
  { name: 'SRV data with a hole', input: { type: 'SRV', name: 'x', data: { priority: 1 } }, code: 9009 },
  { name: 'nested data', input: { type: 'TLSA', name: 'x', data: { usage: { a: 1 } } }, code: 9009 },
  { name: 'a TTL that is too short', input: { type: 'A', name: 'x', content: '192.0.2.1', ttl: 59 }, code: 9021 },
  { name: 'a TTL that is too long', input: { type: 'A', name: 'x', content: '192.0.2.1', ttl: 86_401 }, code: 9021 },
  { name: 'a TTL of parts', input: { type: 'A', name: 'x', content: '192.0.2.1', ttl: 60.5 }, code: 9021 },
  { name: 'proxied text', input: { type: 'TXT', name: 'x', content: 'y', proxied: true }, code: 9041 },
  {
    name: 'a comment of 101 characters',
    input: { type: 'A', name: 'x', content: '192.0.2.1', comment: 'x'.repeat(101) },
    code: 9313,
  },
  {
    name: 'more tags than allowed',
    input: { type: 'A', name: 'x', content: '192.0.2.1', tags: Array.from({ length: 21 }, (_, n) => `t${n}`) },
    code: 9300,
  },
  { name: 'a malformed tag', input: { type: 'A', name: 'x', content: '192.0.2.1', tags: [':value'] }, code: 9302 },
];

for (const { name, input, code } of refused)
  test(`${name} is refused with ${code}`, () => {
    assert.throws(
      () => check(input),
      (error) => {
        assert.ok(error instanceof RefusedError);
        assert.equal(error.status, 400);
        assert.equal(error.lines[0]?.code, code);
        return true;
      },
    );
  });

const a = { type: 'A', name: 'x', content: '192.0.2.1' };
const aaaa = { type: 'AAAA', name: 'x', content: '2001:db8::1' };
const cname = { type: 'CNAME', name: 'x', content: 'a.example.net' };
const txt = { type: 'TXT', name: 'x', content: 'text' };
const ns = { type: 'NS', name: 'x', content: 'ns.example.net' };

const conflicts: { added: RecordInput; beside: RecordInput[]; code: number | undefined }[] = [
  { added: cname, beside: [], code: undefined },
  { added: cname, beside: [a], code: 81053 },
  { added: cname, beside: [aaaa], code: 81053 },
  { added: cname, beside: [{ ...cname, content: 'b.example.net' }], code: 81053 },
  { added: cname, beside: [cname], code: 81053 },
  { added: cname, beside: [txt], code: undefined },
  { added: a, beside: [cname], code: 81054 },
  { added: aaaa, beside: [cname], code: 81054 },
  { added: a, beside: [aaaa], code: undefined },
  { added: a, beside: [{ ...a, content: '192.0.2.2' }], code: undefined },
  { added: a, beside: [a], code: 81058 },
  { added: { ...a, proxied: true, ttl: 60 }, beside: [a], code: 81058 },
  { added: txt, beside: [cname, txt], code: 81058 },
  { added: txt, beside: [{ ...txt, content: 'other' }], code: undefined },
  { added: ns, beside: [a], code: 81056 },
  { added: txt, beside: [ns], code: 81056 },
  { added: ns, beside: [{ ...ns, content: 'ns2.example.net' }], code: undefined },
  { added: { ...ns, name: '@' }, beside: [{ ...a, name: '@' }], code: undefined },
];

for (const { added, beside, code } of conflicts)
  test(`${added.type} beside ${beside.map((record) => `${record.type} ${record.content}`).join(', ') || 'nothing'} ${code === undefined ? 'is fine' : `is refused with ${code}`}`, () => {
    assert.equal(conflictWith(check(added), zone, beside.map(check))?.lines[0]?.code, code);
  });
