// The Access reconciler against a real API: what it makes, what it leaves alone, and what it does when calls fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerTag } from '../../src/access/ownership.ts';
import { never } from '../cloudflare/api-world.ts';
import { desiredFor, entryFor, testReconciler } from '../contract/reconciler.ts';
import {
  addForeigners,
  applyAll,
  codes,
  createAccessWorld,
  ownPolicy,
  type Raw,
  snapshot,
  summary,
  writes,
} from './world.ts';

const family = { policy: 'family' };
const one = desiredFor([entryFor('one', { access: family })]);
const nothing = desiredFor([]);

testReconciler(
  'access',
  async (t) => {
    const world = await createAccessWorld(t);
    await world.settle(one);
    const { id } = (await world.look()).applications[0] as { readonly id: string };
    await world.sdk.zeroTrust.access.applications.delete(id, world.account);
    const writes = () => world.remote.calls.filter((call) => call.method !== 'GET').length;
    return { reconciler: world.reconciler, look: writes };
  },
  family,
);

test('what is made is what the plan said, as the official SDK reads it', async (t) => {
  const world = await createAccessWorld(t);
  const { sdk, account } = world;
  const group = await sdk.zeroTrust.access.groups.create({
    ...account,
    name: 'neighbours',
    include: [{ email: { email: 'n@example.com' } }],
  });
  const token = await sdk.zeroTrust.access.serviceTokens.create({ ...account, name: 'phone' });
  const github = await sdk.zeroTrust.identityProviders.create({
    ...account,
    name: 'code forge',
    type: 'github',
    config: { client_id: 'id', client_secret: 'secret' },
  });
  world.policies = {
    family: {
      allow: {
        emails: ['A@Example.com'],
        email_domains: ['@example.org'],
        groups: ['neighbours'],
        ip_ranges: ['192.0.2.1', '2001:DB8::/32'],
        countries: ['CH'],
        login_methods: ['code forge'],
        service_tokens: ['phone'],
      },
      require: { countries: ['DE'] },
      exclude: { emails: ['x@example.org'] },
      session: '36h',
    },
  };
  const entry = entryFor('one', { access: { policy: 'family', bypassPaths: ['/api/health'] } });
  const plan = await world.reconciler.plan(desiredFor([entry]), never());
  assert.deepEqual(summary(plan), [
    'create policy family',
    'create policy family/service-tokens',
    'create policy no login',
    'create one.example.com family,family/service-tokens',
    'create one.example.com/api/health no login',
  ]);
  assert.deepEqual(await applyAll(world.reconciler, plan), []);

  const { applications, policies } = await world.look();
  const name = (text: string) => `sallyport owner=home policy=${text}`;
  const people = policies.find((policy) => policy.name === name('family'));
  assert.deepEqual(fields(people, ['decision', 'include', 'require', 'exclude', 'session_duration']), {
    decision: 'allow',
    include: [
      { email: { email: 'a@example.com' } },
      { email_domain: { domain: 'example.org' } },
      { group: { id: group.id } },
      { ip: { ip: '192.0.2.1/32' } },
      { ip: { ip: '2001:db8::/32' } },
      { geo: { country_code: 'CH' } },
      { login_method: { id: github.id } },
    ],
    require: [{ geo: { country_code: 'DE' } }],
    exclude: [{ email: { email: 'x@example.org' } }],
    session_duration: '36h',
  });
  const programs = policies.find((policy) => policy.name === name('family/service-tokens'));
  assert.deepEqual(fields(programs, ['decision', 'include', 'require', 'exclude']), {
    decision: 'non_identity',
    include: [{ service_token: { token_id: token.id } }],
    require: [{ geo: { country_code: 'DE' } }],
    exclude: [{ email: { email: 'x@example.org' } }],
  });
  for (const change of plan.changes) {
    if (change.action !== 'create') continue;
    if ('decision' in change.desired) {
      const { users: _users, session: _session, name: policy, ...rules } = change.desired;
      const made = policies.find((found) => found.name === name(policy));
      assert.deepEqual(fields(made, Object.keys(rules)), rules);
    } else {
      const { domain, name: title, policies: wanted } = change.desired;
      const made = applications.find((found) => found.domain === domain);
      assert.deepEqual(fields(made, ['name', 'type', 'tags']), {
        name: title,
        type: 'self_hosted',
        tags: [ownerTag('home')],
      });
      const named = ((made?.policies ?? []) as readonly Raw[]).map((policy) => policy.name);
      assert.deepEqual(named, wanted.map(name));
    }
  }
});

test('thirty applications of somebody else stay byte for byte, whatever is made, changed and deleted', async (t) => {
  const world = await createAccessWorld(t);
  await addForeigners(world);
  const before = await world.look();
  const foreign = async () => {
    const ids = new Set([...before.applications, ...before.policies].map(({ id }) => id));
    const now = await world.look();
    return [now.applications, now.policies].map((list) => snapshot(list.filter(({ id }) => ids.has(id))));
  };
  const expected = [snapshot(before.applications), snapshot(before.policies)];
  const names = ['a', 'b', 'theirs-1', 'theirs-3'];
  await world.settle(desiredFor(names.map((name) => entryFor(name, { access: family }))));
  assert.deepEqual(await foreign(), expected);
  await world.settle(desiredFor([entryFor('a', { access: { policy: 'friends' } })]));
  assert.deepEqual(await foreign(), expected);
  await world.settle(nothing);
  assert.deepEqual(await foreign(), expected);
  assert.deepEqual((await world.look()).applications.length, 30);
});

test('an application of somebody else on our name is a conflict: held, said, and untouched', async (t) => {
  const world = await createAccessWorld(t);
  await addForeigners(world);
  const before = snapshot((await world.look()).applications);
  const desired = desiredFor([entryFor('theirs-1', { access: family })]);
  const plan = await world.reconciler.plan(desired, never());
  assert.deepEqual(plan.changes, []);
  assert.match(plan.held[0]?.reason ?? '', /theirs-1\.example\.com exists \("theirs 1"\) and is not ours/);
  assert.deepEqual(codes(world), [['E_CONFLICT', 'error', 'docker/theirs-1']]);
  await applyAll(world.reconciler, plan);
  assert.equal(snapshot((await world.look()).applications), before);
});

test('two instances on one account leave each other alone', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  const before = await world.look();
  const other = world.another('cabin');
  const plan = await other.plan(one, never());
  assert.match(plan.held[0]?.reason ?? '', /belongs to the instance with the tag sallyport-home/);
  await applyAll(other, plan);
  await applyAll(other, await other.plan(nothing, never()));
  assert.deepEqual(await world.look(), before);
});

test('a policy that changes is one call, and no application is touched', async (t) => {
  const world = await createAccessWorld(t);
  const desired = desiredFor([entryFor('a', { access: family }), entryFor('b', { access: family })]);
  await world.settle(desired);
  world.policies = { family: { allow: { emails: ['c@example.com'] } } };
  world.remote.calls.length = 0;
  const plan = await world.reconciler.plan(desired, never());
  assert.deepEqual(summary(plan), ['update policy family (include)']);
  await applyAll(world.reconciler, plan);
  assert.deepEqual(writes(world), ['PUT policies']);
});

test('another policy for a service is put in place at once, and the one nobody uses goes last', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  const plan = await world.reconciler.plan(desiredFor([entryFor('one', { access: { policy: 'friends' } })]), never());
  assert.deepEqual(summary(plan), [
    'create policy friends',
    'update one.example.com friends (policies)',
    'delete policy family',
  ]);
  world.remote.calls.length = 0;
  await applyAll(world.reconciler, plan);
  assert.deepEqual(writes(world), ['POST policies', 'PUT apps', 'DELETE policies']);
});

test('at no moment is there an application of ours without a policy', async (t) => {
  const world = await createAccessWorld(t);
  const { access } = world.remote.store;
  const check = () => {
    for (const app of access.apps.list()) assert.ok(app.fields.policies.length > 0, `${app.fields.name} has no policy`);
  };
  world.remote.before = check;
  const friends = desiredFor([
    entryFor('one', { access: { policy: 'friends', bypassPaths: ['/x'] } }),
    entryFor('two', { access: family }),
  ]);
  for (const desired of [one, friends, one, nothing, one]) {
    assert.deepEqual(await world.settle(desired), []);
    check();
  }
});

test('what a person set on an application of ours stays, a policy added by hand does not', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  const [app] = (await world.look()).applications as readonly { readonly id: string }[];
  await world.sdk.zeroTrust.access.tags.create({ ...world.account, name: 'mine' });
  await world.sdk.zeroTrust.access.applications.update(app?.id ?? '', {
    ...world.account,
    type: 'self_hosted',
    name: 'Grandma’s photos',
    domain: 'one.example.com',
    tags: ['mine', ownerTag('home')],
    logo_url: 'https://example.com/logo.png',
    session_duration: '6h',
    policies: [ownPolicy('open', 'bypass')],
  });
  const plan = await world.reconciler.plan(one, never());
  assert.deepEqual(summary(plan), ['update one.example.com family (policies)']);
  await applyAll(world.reconciler, plan);
  const [after] = (await world.look()).applications;
  assert.deepEqual(fields(after, ['name', 'logo_url', 'session_duration', 'tags']), {
    name: 'Grandma’s photos',
    logo_url: 'https://example.com/logo.png',
    session_duration: '6h',
    tags: [ownerTag('home'), 'mine'],
  });
  assert.deepEqual(
    ((after?.policies ?? []) as readonly Raw[]).map(({ name }) => name),
    ['sallyport owner=home policy=family'],
  );
  assert.deepEqual(summary(await world.reconciler.plan(one, never())), []);
});

test('an application that lost our tag is let go', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  const [app] = (await world.look()).applications as readonly { readonly id: string }[];
  await world.sdk.zeroTrust.access.applications.update(app?.id ?? '', {
    ...world.account,
    type: 'self_hosted',
    domain: 'one.example.com',
    tags: [],
  });
  assert.deepEqual(summary(await world.reconciler.plan(nothing, never())), []);
});

const unresolved = [
  ['names nobody', { allow: { everyone: false } }],
  ['a group that is not there', { allow: { groups: ['nobody'] } }],
  ['a login method that is not there', { allow: { emails: ['a@example.com'] }, require: { login_methods: ['none'] } }],
  ['a service token that is not there', { allow: { emails: ['a@example.com'], service_tokens: ['none'] } }],
] as const;
for (const [what, setting] of unresolved)
  test(`a policy that ${what}: nothing is made, and the service stays closed and says so`, async (t) => {
    const world = await createAccessWorld(t);
    world.policies = { family: setting };
    const plan = await world.reconciler.plan(one, never());
    assert.deepEqual(summary(plan), []);
    assert.deepEqual(
      plan.held.map(({ change }) => [change.action, change.serviceId]),
      [['create', 'docker/one']],
    );
    assert.deepEqual(codes(world), [['E_NO_POLICY', 'error', 'docker/one']]);
  });

test('people in place of a policy are a policy of their own, and nobody else is in it', async (t) => {
  const world = await createAccessWorld(t);
  const people = desiredFor([entryFor('one', { access: { policy: '@example.org,b@example.com' } })]);
  assert.deepEqual(await world.settle(people), []);
  const [policy] = (await world.look()).policies;
  assert.deepEqual(fields(policy, ['name', 'decision', 'include']), {
    name: 'sallyport owner=home policy=@example.org,b@example.com',
    decision: 'allow',
    include: [{ email: { email: 'b@example.com' } }, { email_domain: { domain: 'example.org' } }],
  });
  assert.deepEqual(summary(await world.reconciler.plan(people, never())), []);
});

test('a policy that can no longer be resolved leaves the old lock where it is', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  const before = await world.look();
  world.policies = {};
  const plan = await world.reconciler.plan(one, never());
  assert.deepEqual(summary(plan), []);
  assert.equal(plan.held[0]?.change.action, 'update');
  await applyAll(world.reconciler, plan);
  assert.deepEqual(await world.look(), before);
});

test('an exception that is taken back gets the lock around it at once, although deletes are held', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(desiredFor([entryFor('one', { access: { policy: 'family', bypassPaths: ['/x'] } })]));
  const plan = await world.reconciler.plan(one, never());
  assert.deepEqual(summary(plan), [
    'update one.example.com/x family (policies)',
    'delete one.example.com/x no login',
    'delete policy no login',
  ]);
  await world.reconciler.apply(plan, 'upsert', never());
  const inner = (await world.look()).applications.find(({ domain }) => domain === 'one.example.com/x');
  assert.deepEqual(
    ((inner?.policies ?? []) as readonly Raw[]).map(({ name }) => name),
    ['sallyport owner=home policy=family'],
  );
  await world.reconciler.apply(plan, 'delete', never());
  assert.deepEqual(summary(await world.reconciler.plan(one, never())), []);
  assert.equal((await world.look()).policies.length, 1);
});

test('an exception on a path somebody else decided about is left to them, and the service keeps its lock', async (t) => {
  const world = await createAccessWorld(t);
  await world.sdk.zeroTrust.access.applications.create({
    ...world.account,
    type: 'self_hosted',
    domain: 'one.example.com/x',
  });
  const desired = desiredFor([entryFor('one', { access: { policy: 'family', bypassPaths: ['/x'] } })]);
  const plan = await world.reconciler.plan(desired, never());
  assert.deepEqual(summary(plan), ['create policy family', 'create one.example.com family']);
  assert.deepEqual(plan.held, []);
  assert.deepEqual(codes(world), [['E_CONFLICT', 'warning', 'docker/one']]);
});

test("somebody else's application within our host is left alone and told about", async (t) => {
  const world = await createAccessWorld(t);
  await world.sdk.zeroTrust.access.applications.create({
    ...world.account,
    type: 'self_hosted',
    name: 'hook',
    domain: 'one.example.com/hook',
  });
  assert.deepEqual(await world.settle(one), []);
  assert.deepEqual(codes(world), [['E_CONFLICT', 'warning', 'docker/one']]);
});

test('a hundred services cost one call each and a handful in all; a second look two', async (t) => {
  const world = await createAccessWorld(t);
  const entries = Array.from({ length: 100 }, (_, index) => entryFor(`s${index}`, { access: family }));
  const desired = desiredFor(entries);
  world.remote.calls.length = 0;
  await world.settle(desired);
  const posts = writes(world);
  assert.equal(posts.filter((call) => call === 'POST apps').length, 100);
  assert.ok(world.remote.calls.length <= 100 + 8, `${world.remote.calls.length} calls`);
  world.remote.calls.length = 0;
  await world.settle(desired);
  assert.deepEqual(writes(world), []);
  assert.ok(world.remote.calls.length <= 3, `${world.remote.calls.length} calls`);
});

const steps = ['POST policies', 'GET tags', 'POST tags', 'POST apps', 'PUT policies', 'PUT apps', 'DELETE apps'];
for (const step of steps)
  test(`when ${step} fails, its services are named, and the next pass ends right`, async (t) => {
    const world = await createAccessWorld(t);
    const two = desiredFor([entryFor('one', { access: { policy: 'friends' } }), entryFor('two', { access: family })]);
    const isLater = ['PUT policies', 'PUT apps', 'DELETE apps'].includes(step);
    if (isLater) {
      await world.settle(desiredFor([entryFor('one', { access: family }), entryFor('gone', { access: family })]));
      world.policies = { ...world.policies, family: { allow: { emails: ['c@example.com'] } } };
    }
    const failing = step.split(' ');
    world.remote.fault = ({ method, path }) =>
      method === failing[0] && path.includes(`/access/${failing[1]}`) ? { status: 403 } : undefined;
    const failed = await world.settle(two);
    assert.ok(failed.length > 0, 'nobody was told');
    const said = new Set((world.reconciler.diagnostics?.() ?? []).map(({ serviceId }) => serviceId));
    for (const serviceId of failed) assert.ok(said.has(serviceId), `${serviceId} does not say why`);
    world.remote.fault = () => undefined;
    assert.deepEqual(await world.settle(two), []);
    assert.deepEqual(summary(await world.reconciler.plan(two, never())), []);
  });

test('an answer that is lost makes nothing twice', async (t) => {
  const world = await createAccessWorld(t);
  let lost = 0;
  world.remote.fault = ({ method, path }) =>
    method === 'POST' && path.endsWith('/access/apps') && lost++ === 0 ? 'lose-answer' : undefined;
  assert.deepEqual(await world.settle(one), []);
  assert.ok(lost > 1, 'nothing was lost');
  assert.equal((await world.look()).applications.length, 1);
});

test('a policy that was made twice is used once, and the other one goes', async (t) => {
  const world = await createAccessWorld(t);
  let lost = 0;
  world.remote.fault = ({ method, path }) =>
    method === 'POST' && path.endsWith('/access/policies') && lost++ === 0 ? 'lose-answer' : undefined;
  await world.settle(one);
  await world.settle(one);
  assert.equal((await world.look()).policies.length, 1);
  assert.deepEqual(summary(await world.reconciler.plan(one, never())), []);
});

test('a policy of ours that somebody else uses is not deleted', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  const [policy] = (await world.look()).policies as readonly { readonly id: string }[];
  await world.sdk.zeroTrust.access.applications.create({
    ...world.account,
    type: 'self_hosted',
    domain: 'theirs.example.com',
    policies: [{ id: policy?.id ?? '', precedence: 1 }],
  });
  assert.deepEqual(await world.settle(nothing), []);
  assert.equal((await world.look()).policies.length, 1);
  assert.deepEqual(summary(await world.reconciler.plan(nothing, never())), []);
});

test('a policy that somebody began to use after the plan was made is not deleted', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  const [policy] = (await world.look()).policies as readonly { readonly id: string }[];
  const plan = await world.reconciler.plan(nothing, never());
  assert.deepEqual(summary(plan), ['delete one.example.com family', 'delete policy family']);
  await world.sdk.zeroTrust.access.applications.create({
    ...world.account,
    type: 'self_hosted',
    domain: 'theirs.example.com',
    policies: [{ id: policy?.id ?? '', precedence: 1 }],
  });
  assert.deepEqual(await applyAll(world.reconciler, plan), []);
  const left = await world.look();
  assert.deepEqual([left.applications.length, left.policies.length], [1, 1]);
});

test('while a policy cannot be changed, nothing new is guarded by what it was', async (t) => {
  const world = await createAccessWorld(t);
  await world.settle(one);
  world.policies = { family: { allow: { emails: ['c@example.com'] } } };
  world.remote.fault = ({ method, path }) =>
    method === 'PUT' && path.includes('/access/policies/') ? { status: 400 } : undefined;
  const two = desiredFor([entryFor('one', { access: family }), entryFor('two', { access: family })]);
  const failed = await world.settle(two);
  assert.deepEqual(failed.toSorted(), ['access/family', 'docker/one', 'docker/two']);
  assert.equal((await world.look()).applications.length, 1);
});

test('an application that somebody made after the plan was made is not taken over', async (t) => {
  const world = await createAccessWorld(t);
  const plan = await world.reconciler.plan(one, never());
  await world.sdk.zeroTrust.access.applications.create({
    ...world.account,
    type: 'self_hosted',
    name: 'theirs',
    domain: 'one.example.com/*',
  });
  assert.deepEqual(await applyAll(world.reconciler, plan), ['docker/one']);
  assert.deepEqual(codes(world), [['E_CONFLICT', 'error', 'docker/one']]);
  assert.deepEqual(
    (await world.look()).applications.map(({ name }) => name),
    ['theirs'],
  );
});

test('a token without the permission matters only to those who want a policy', async (t) => {
  const world = await createAccessWorld(t);
  world.remote.fault = ({ path }) => (path.includes('/access/') ? { status: 403 } : undefined);
  assert.deepEqual((await world.reconciler.plan(nothing, never())).changes, []);
  await assert.rejects(world.reconciler.plan(one, never()), { code: 'E_API_UNAUTHORIZED' });
});

function fields(object: Raw | undefined, keys: readonly string[]): Raw {
  return Object.fromEntries(keys.map((key) => [key, object?.[key]]));
}
