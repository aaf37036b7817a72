// The SDK is loaded without what we do not use, and whole when it does not look as expected.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { trimClient, withTrimmedSdk } from '../../src/cloudflare/trim-sdk.ts';

const path = fileURLToPath(import.meta.resolve('cloudflare/client.mjs'));

test('the installed SDK can be trimmed, and needs none of its resources then', async () => {
  const source = trimClient(readFileSync(path, 'utf8'));
  assert.ok(source !== undefined, 'the SDK changed: trim-sdk.ts no longer recognises it');
  assert.ok(!source.includes('resources/'));
});

test('the SDK loaded trimmed makes a client, and the whole SDK can still be had beside it', async () => {
  const { createClient } = await withTrimmedSdk(() => import('cloudflare/tree-shakable'));
  const { BaseTokens } = await import('cloudflare/resources/user/tokens/tokens');
  const trimmed: object = createClient({ resources: [BaseTokens], apiToken: 'x' });
  assert.ok('user' in trimmed);
  const { default: Cloudflare } = await import('cloudflare');
  assert.ok(new Cloudflare({ apiToken: 'x' }).workers !== undefined);
  assert.ok(!(trimmed instanceof Object.getPrototypeOf(Cloudflare)), 'it was not trimmed');
});

test('a client module that looks different is left alone', () => {
  assert.equal(trimClient('export class Cloudflare {}'), undefined);
  assert.equal(
    trimClient(readFileSync(path, 'utf8').replace('export var BaseCloudflare =', 'export var Base =')),
    undefined,
  );
});
