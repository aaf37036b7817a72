// What we send about DNS records against the official request schemas, where a copy of them lies beside the checkout.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { Ajv, type AnySchemaObject } from 'ajv';
import { createCloudflareApi } from '../../src/cloudflare/client.ts';
import type { RecordBatch } from '../../src/cloudflare/dns.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { apiToken } from '../cloudflare/api-world.ts';
import { createDnsWorld, type DnsWorld, externalDns, fullName } from './world.ts';

const file = join(import.meta.dirname, '../../../shared/data/cloudflare-api-schemas.json');
const skip = existsSync(file) ? false : 'there is no copy of the schemas';

function validator(operation: string) {
  const { operations } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly operations: Readonly<Record<string, AnySchemaObject>>;
  };
  const schema = operations[operation];
  assert.ok(schema, operation);
  return new Ajv({ strict: false, allErrors: true }).compile(schema);
}

/** Makes every batch go by a place where its body is kept. */
async function listen(t: TestContext, world: DnsWorld): Promise<readonly RecordBatch[]> {
  const bodies: RecordBatch[] = [];
  const server = createServer(async (request, response) => {
    const body = await json(request);
    bodies.push(body as RecordBatch);
    const headers = { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' };
    const url = new URL(request.url ?? '', world.baseUrl);
    const answer = await fetch(url, { method: request.method ?? '', headers, body: JSON.stringify(body) });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`;
  const { dns } = createCloudflareApi({ apiToken, baseUrl, logger: createSilentLogger() });
  Object.assign(world.api, { dns: { ...world.api.dns, batch: dns.batch } });
  return bodies;
}

test('every record we make, change, convert, take over and give away is one the official schema takes', {
  skip,
}, async (t) => {
  const world = await createDnsWorld(t);
  const bodies = await listen(t, world);
  world.make('A', 'taken', '192.0.2.1');
  world.make('CNAME', 'theirs', 'x.example.net', { ttl: 300 });
  world.make('TXT', 'cname-theirs', externalDns('k8s'));
  const choices = { adopted: [fullName('taken'), fullName('theirs')], released: [] as string[] };
  await world.start({ choices }).settle('a', '*.apps', '@');
  await world.start({ choices, ownership: 'txt' }).settle('a', '*.apps', '@', 'taken', 'theirs');
  world.edit(world.record('a'), { content: 'x.example.net', proxied: false, ttl: 300 });
  choices.released.push(fullName('taken'));
  await world.start({ choices }).settle('theirs');

  const isPost = validator('POST /zones/{zone_id}/dns_records');
  const isPatch = validator('PATCH /zones/{zone_id}/dns_records/{id}');
  const posts = bodies.flatMap((body) => body.posts);
  const patches = bodies.flatMap((body) => body.patches);
  assert.ok(posts.length >= 6 && patches.length >= 5, `${posts.length} posts, ${patches.length} patches`);
  for (const post of posts) assert.ok(isPost(post), JSON.stringify([post, isPost.errors?.slice(0, 3)]));
  for (const { id, ...patch } of patches) {
    assert.equal(typeof id, 'string');
    assert.ok(isPatch(patch), JSON.stringify([patch, isPatch.errors?.slice(0, 3)]));
  }
  assert.ok(!isPost({ name: 'a', type: 'CNAME', content: 'b' }));
});
