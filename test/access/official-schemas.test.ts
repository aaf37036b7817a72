// What we send about Access against the official request schemas, where a copy of them lies beside the checkout.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { Ajv, type AnySchemaObject } from 'ajv';
import { formatTokenName } from '../../src/access/ownership.ts';
import { bypassRules, policyRules } from '../../src/access/policy-rules.ts';
import { readRemote } from '../../src/access/remote.ts';
import { toApiApplication, toApiPolicy, toApiRelease } from '../../src/access/to-api.ts';
import type { ApiAccessApplication } from '../../src/cloudflare/access-applications.ts';
import { createCloudflareApi } from '../../src/cloudflare/client.ts';
import { noLogin } from '../../src/ingress/access-applications.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { never } from '../cloudflare/api-world.ts';
import { desiredFor, entryFor } from '../contract/reconciler.ts';
import { createAccessWorld } from './world.ts';

const file = join(import.meta.dirname, '../../../shared/data/cloudflare-api-schemas.json');
const skip = existsSync(file) ? false : 'there is no copy of the schemas';

/** Throws unless the official schema of the operation takes the body. */
function check(operation: string, body: unknown): void {
  const { operations } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly operations: Readonly<Record<string, AnySchemaObject>>;
  };
  const schema = operations[operation];
  assert.ok(schema, operation);
  const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);
  assert.ok(validate(JSON.parse(JSON.stringify(body))), JSON.stringify(validate.errors?.slice(0, 5)));
}

const directory = {
  groups: [{ id: 'g', name: 'g' }],
  loginMethods: [{ id: 'm', name: 'm' }],
  serviceTokens: [{ id: 't', name: 't' }],
};

test('every policy we write is one the official schema takes', { skip }, () => {
  const people = {
    emails: ['a@example.com'],
    email_domains: ['example.org'],
    groups: ['g'],
    ip_ranges: ['192.0.2.0/24'],
    countries: ['CH'],
    login_methods: ['m'],
  };
  const setting = { allow: { ...people, everyone: true, service_tokens: ['t'] }, require: people, exclude: people };
  const rules = policyRules('family', { ...setting, session: '24h' }, directory);
  assert.ok(!('problem' in rules));
  for (const one of [...rules, bypassRules])
    check('POST /accounts/{account_id}/access/policies', toApiPolicy(one, 'home', undefined));
  assert.throws(() => check('POST /accounts/{account_id}/access/policies', { name: 'p' }));
});

test('every service token we make is one the official schema takes', { skip }, async (t) => {
  const bodies: unknown[] = [];
  const issued = { id: 't', client_id: 'id', client_secret: 'secret' };
  const server = createServer(async (request, response) => {
    bodies.push(await json(request));
    response.end(JSON.stringify({ success: true, errors: [], messages: [], result: issued }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`;
  const { access } = createCloudflareApi({ apiToken: 'x', baseUrl, logger: createSilentLogger() });
  await access.tokens.create('a', { name: formatTokenName('home', 'phone'), duration: '720h' }, never());
  server.closeAllConnections();
  assert.equal(bodies.length, 1);
  check('POST /accounts/{account_id}/access/service_tokens', bodies[0]);
});

test('every application we write is one the official schema takes, with what is carried along', { skip }, async (t) => {
  const operation = 'POST /accounts/{account_id}/access/apps';
  const wanted = { name: 'a', domain: 'a.example.com/x', policies: [noLogin] };
  check(operation, toApiApplication(wanted, ['p'], 'home', undefined));
  const world = await createAccessWorld(t);
  await world.settle(desiredFor([entryFor('one', { access: { policy: 'family' } })]));
  const found: readonly ApiAccessApplication[] = await world.remote.api.access.applications.list(
    world.remote.account,
    never(),
  );
  const [ours] = readRemote(found, [], 'home').ours;
  assert.ok(ours !== undefined);
  check(operation, toApiApplication(ours, ['p'], 'home', ours));
  check(operation, toApiRelease(ours, 'home'));
  const zone = { name: '*.example.com', domain: '*.example.com', policies: ['family'] };
  check(operation, toApiApplication(zone, ['p'], 'home', undefined));
  assert.throws(() => check(operation, { domain: 7 }));
});
