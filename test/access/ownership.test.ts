// The marks on Access objects: what we write is what we read, and nobody else's is ours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatApplicationName,
  formatPolicyName,
  isOwnerTag,
  maxTagLength,
  ownerTag,
  parseApplicationName,
  parsePolicyName,
} from '../../src/access/ownership.ts';
import { normalPlace } from '../../src/access/places.ts';
import { formatSession } from '../../src/access/to-api.ts';

test('every owner has a tag of its own that Cloudflare takes', () => {
  const owners = ['home', 'a', 'x'.repeat(25), 'x'.repeat(26), 'x'.repeat(40), `${'x'.repeat(39)}y`];
  const tags = owners.map(ownerTag);
  assert.equal(new Set(tags).size, owners.length);
  for (const tag of tags) assert.ok(tag.length <= maxTagLength && isOwnerTag(tag), tag);
  assert.equal(tags[0], 'sallyport-home');
});

test('a policy is ours by its whole name', () => {
  assert.equal(parsePolicyName('home', formatPolicyName('home', 'family')), 'family');
  for (const name of ['family', 'sallyport owner=home policy=', formatPolicyName('home2', 'family'), ''])
    assert.equal(parsePolicyName('home', name), undefined, name);
});

test('an application says which service it is for, unless a person renamed it', () => {
  const owner = { id: 'home', resource: 'docker/grafana' } as const;
  const name = formatApplicationName('grafana.example.com', owner);
  assert.equal(name, 'grafana.example.com (docker/grafana)');
  assert.equal(parseApplicationName(name), 'docker/grafana');
  for (const other of ['Grafana', 'grafana.example.com', 'photos (old)', 'a/b'])
    assert.equal(parseApplicationName(other), undefined);
});

test('a service whose id is odd or endless still has an application with a name', () => {
  assert.equal(
    parseApplicationName(formatApplicationName('a.example.com', { id: 'home', resource: 'docker/a (b)' })),
    'docker/a__b_',
  );
  const endless = formatApplicationName(`${'a'.repeat(190)}.com`, {
    id: 'home',
    resource: `docker/${'b'.repeat(300)}`,
  });
  assert.ok(endless.length <= 200);
});

const places = [
  ['A.Example.com', 'a.example.com'],
  ['a.example.com/', 'a.example.com'],
  ['a.example.com/*', 'a.example.com'],
  ['a.example.com/Api*', 'a.example.com/Api'],
  ['a.example.com/api/', 'a.example.com/api'],
] as const;
for (const [place, normal] of places)
  test(`${place} is the same place as ${normal}`, () => assert.equal(normalPlace(place), normal));

const sessions = [
  [86400, '24h'],
  [5400, '90m'],
  [61, '61s'],
  [0.5, '500ms'],
  [0, '0s'],
] as const;
for (const [seconds, text] of sessions)
  test(`${seconds} s is ${text} to Cloudflare`, () => assert.equal(formatSession(seconds), text));
