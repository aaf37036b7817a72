// The official SDK against Access: what it writes it reads back, over pages, and refusals arrive as its own kinds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Cloudflare, { BadRequestError, ConflictError, NotFoundError, RateLimitError } from 'cloudflare';
import { type ApiFixture, apiToken, startApi } from '../fixture.ts';

let fixture: ApiFixture;
let client: Cloudflare;
let account_id = '';
before(async () => {
  fixture = await startApi();
  client = clientOf(fixture);
  account_id = fixture.store.account.id;
});
after(() => fixture.stop());

function clientOf({ api }: ApiFixture): Cloudflare {
  return new Cloudflare({ apiToken, baseURL: api.baseUrl, maxRetries: 0 });
}

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

/** What an application is, without naming the SDK's union of fourteen kinds. */
interface App {
  readonly id?: string;
  readonly aud?: string;
  readonly domain?: string;
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly destinations?: unknown;
  readonly policies?: readonly { readonly id?: string; readonly precedence?: number; readonly name?: string }[];
}

test('an application with everything it needs is built, read back, changed and taken apart', async () => {
  const { access, identityProviders } = client.zeroTrust;
  await access.tags.create({ account_id, name: 'sallyport' });
  const token = await access.serviceTokens.create({ account_id, name: 'phone', duration: '8760h' });
  assert.match(token.client_secret ?? '', /^[0-9a-f]{64}$/);
  const group = await access.groups.create({
    account_id,
    name: 'family',
    include: [{ email: { email: 'a@example.com' } }, { email_domain: { domain: 'example.org' } }],
    exclude: [{ geo: { country_code: 'AQ' } }],
  });
  const [login] = await all(identityProviders.list({ account_id }));
  const people = await access.policies.create({
    account_id,
    name: 'people',
    decision: 'allow',
    include: [{ group: { id: group.id ?? '' } }],
    require: [{ login_method: { id: login?.id ?? '' } }],
    session_duration: '24h',
  });
  const programs = await access.policies.create({
    account_id,
    name: 'programs',
    decision: 'non_identity',
    include: [{ service_token: { token_id: token.id ?? '' } }, { ip: { ip: '192.0.2.0/24' } }],
  });
  const made: App = await access.applications.create({
    account_id,
    type: 'self_hosted',
    domain: 'photos.example.com',
    name: 'Photos',
    session_duration: '24h',
    tags: ['sallyport'],
    allowed_idps: [login?.id ?? ''],
    auto_redirect_to_identity: true,
    app_launcher_visible: false,
    destinations: [{ type: 'public', uri: 'photos.example.com' }],
    policies: [
      { id: people.id ?? '', precedence: 1 },
      { id: programs.id ?? '', precedence: 2 },
    ],
  });
  const id = made.id ?? '';
  assert.deepEqual(
    made.policies?.map(({ name, precedence }) => [name, precedence]),
    [
      ['people', 1],
      ['programs', 2],
    ],
  );
  assert.deepEqual(await access.applications.get(id, { account_id }), made);
  assert.deepEqual(await all(access.applications.list({ account_id, domain: 'photos.example.com', exact: true })), [
    made,
  ]);
  assert.deepEqual(await all(access.applications.list({ account_id, name: 'Photo', exact: true })), []);
  assert.deepEqual(
    (await all(access.applications.policies.list(id, { account_id }))).map((one) => one.name),
    ['people', 'programs'],
  );
  assert.equal((await access.policies.get(people.id ?? '', { account_id })).app_count, 1);
  assert.deepEqual((await access.groups.get(group.id ?? '', { account_id })).exclude, [
    { geo: { country_code: 'AQ' } },
  ]);
  const { client_secret: _, ...withoutSecret } = token;
  assert.deepEqual(await access.serviceTokens.get(token.id ?? '', { account_id }), withoutSecret);

  const ca = await access.applications.cas.create(id, { account_id });
  assert.match(ca.public_key ?? '', /^ecdsa-sha2-nistp256 /);
  assert.deepEqual(await all(access.applications.cas.list({ account_id })), [ca]);
  assert.equal((await access.applications.cas.delete(id, { account_id })).id, ca.id);

  const open = await access.policies.create({
    account_id,
    name: 'open',
    decision: 'bypass',
    include: [{ everyone: {} }],
  });
  const path: App = await access.applications.create({
    account_id,
    type: 'self_hosted',
    domain: 'photos.example.com/share/*',
    policies: [open.id ?? ''],
  });
  const changed: App = await access.applications.update(id, {
    account_id,
    type: 'self_hosted',
    domain: 'pictures.example.com',
  });
  assert.deepEqual(
    [changed.aud, changed.domain, changed.tags?.length, changed.policies?.length],
    [made.aud, 'pictures.example.com', 0, 2],
  );

  await assert.rejects(async () => access.policies.delete(people.id ?? '', { account_id }), ConflictError);
  for (const one of [id, path.id ?? '']) assert.equal((await access.applications.delete(one, { account_id })).id, one);
  for (const one of [people, programs, open]) await access.policies.delete(one.id ?? '', { account_id });
  await access.groups.delete(group.id ?? '', { account_id });
  await access.serviceTokens.delete(token.id ?? '', { account_id });
  await access.tags.delete('sallyport', { account_id });
  for (const list of [access.applications, access.policies, access.groups, access.serviceTokens, access.tags])
    assert.deepEqual(await all<unknown>(list.list({ account_id })), []);
});

test('legacy policies are written through the SDK', async () => {
  const { applications } = client.zeroTrust.access;
  const app: App = await applications.create({ account_id, type: 'self_hosted', domain: 'legacy.example.com' });
  const app_id = app.id ?? '';
  const rules = { name: 'own', decision: 'allow' as const, include: [{ everyone: {} }] };
  const own = await applications.policies.create(app_id, { account_id, ...rules } as Parameters<
    typeof applications.policies.create
  >[1]);
  const id = own.id ?? '';
  assert.equal(own.decision, 'allow');
  assert.deepEqual(await applications.policies.get(id, { account_id, app_id }), own);
  await applications.policies.delete(id, { account_id, app_id });
  assert.deepEqual(await all(applications.policies.list(app_id, { account_id })), []);
  await applications.delete(app_id, { account_id });
});

test('tokens are rotated and refreshed, keys rotated, and the organisation read and changed', async () => {
  const { access, organizations } = client.zeroTrust;
  const token = await access.serviceTokens.create({ account_id, name: 'x' });
  const id = token.id ?? '';
  const rotated = await access.serviceTokens.rotate(id, { account_id });
  assert.deepEqual([rotated.client_id, rotated.client_secret === token.client_secret], [token.client_id, false]);
  assert.equal((await access.serviceTokens.refresh(id, { account_id })).id, id);
  assert.equal((await access.serviceTokens.update(id, { account_id, name: 'y' })).name, 'y');
  await access.serviceTokens.delete(id, { account_id });
  assert.equal((await access.keys.get({ account_id })).days_until_next_rotation, 42);
  assert.equal((await access.keys.rotate({ account_id })).key_rotation_interval_days, 42);
  assert.equal((await organizations.list({ account_id })).name, 'Sallyport');
  assert.equal((await organizations.update({ account_id, session_duration: '12h' })).session_duration, '12h');
  assert.deepEqual(await all(access.certificates.list({ account_id })), []);
});

test('thirty applications are listed over pages', async () => {
  const { applications } = client.zeroTrust.access;
  for (let n = 0; n < 30; n++)
    await applications.create({ account_id, type: 'self_hosted', domain: `n${n}.example.com` });
  const found: App[] = await all(applications.list({ account_id, per_page: 7 }));
  assert.deepEqual(
    found.map((app) => app.domain),
    Array.from({ length: 30 }, (_, n) => `n${n}.example.com`),
  );
});

test('refusals are the errors the SDK has for them', async () => {
  const { access } = client.zeroTrust;
  await assert.rejects(async () => access.applications.get(crypto.randomUUID(), { account_id }), NotFoundError);
  await assert.rejects(
    async () => access.applications.create({ account_id, type: 'self_hosted', domain: 'elsewhere.example.net' }),
    (error) => error instanceof BadRequestError && error.errors[0]?.code === 12130,
  );
});

test('past the budget the SDK is told to wait, and how long', async () => {
  const own = await startApi({ rateLimit: { requests: 2, windowMs: 300_000 } });
  const hurried = clientOf(own);
  await hurried.user.tokens.verify();
  await hurried.user.tokens.verify();
  await assert.rejects(
    async () => hurried.user.tokens.verify(),
    (error) =>
      error instanceof RateLimitError && error.errors[0]?.code === 971 && error.headers?.get('retry-after') === '300',
  );
  await own.stop();
});
