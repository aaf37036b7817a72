// Everybody else's objects, made before the program comes: in its zones, in its tunnel, and in the account's Access.
import type { World } from './world.ts';

/** How many of each. */
export interface Crowd {
  readonly records: number;
  readonly rules: number;
  readonly applications: number;
}

/** The name of a tunnel of the user's own, in which the program is a guest. */
export const sharedTunnel = 'shared';

/** Fills the world with them; half of the applications have policies of their own, half share one. */
export function addForeigners(world: World, { records, rules, applications }: Crowd): void {
  addRecords(world, records);
  addRules(world, rules);
  addAccess(world, applications);
}

function addRecords({ store, zones: { com } }: World, count: number): void {
  const odd = [
    { type: 'TXT', name: 'vault', content: 'sallyport owner=home resource=docker/vault' },
    {
      type: 'CNAME',
      name: 'looks-like',
      content: 'a.example.org',
      comment: 'see sallyport owner=home resource=docker/x',
    },
    { type: 'A', name: 'marked', content: '192.0.2.7', comment: 'sallyport owner=home resource=docker/marked' },
    { type: 'CNAME', name: 'cabin', content: 'b.example.org', comment: 'sallyport owner=cabin resource=docker/cabin' },
    { type: 'MX', name: '@', content: 'mail.example.org', priority: 10 },
  ];
  for (const one of odd.slice(0, count)) store.records.create(com, { ...one, name: full(one.name) });
  for (let at = odd.length; at < count; at++)
    store.records.create(com, {
      type: 'A',
      name: full(`theirs-${at}`),
      content: `192.0.2.${at % 250}`,
      comment: `no ${at}`,
    });
}

function full(name: string): string {
  return name === '@' ? 'example.com' : `${name}.example.com`;
}

/** A tunnel whose rules somebody keeps by hand: ordinary ones, a wildcard, unknown keys, and a catch-all of their own. */
function addRules({ store }: World, count: number): void {
  const { id } = store.tunnels.create({ name: sharedTunnel, config_src: 'cloudflare' });
  const ordinary = Array.from({ length: Math.max(count - 2, 0) }, (_, at) => ({
    hostname: `theirs-${at}.example.com`,
    ...(at % 3 === 0 ? { path: '^/admin' } : {}),
    service: `http://192.0.2.${at}:8080`,
    originRequest: { noTLSVerify: at % 2 === 0, keyOfTheFuture: { at } },
    keyOfTheFuture: at,
  }));
  store.configurations.put(id, {
    originRequest: { connectTimeout: 7, keyOfTheFuture: true },
    'warp-routing': { enabled: true },
    keyOfTheFuture: ['kept'],
    ingress: [
      ...ordinary,
      { hostname: '*.example.com', service: 'http://192.0.2.250:80', originRequest: {} },
      { service: 'http://192.0.2.251:80', originRequest: { httpHostHeader: 'all.example.com' } },
    ],
  });
}

function addAccess({ store }: World, count: number): void {
  const { groups, tags, policies, serviceTokens, apps } = store.access;
  const include = [{ email_domain: { domain: 'example.org' } }];
  groups.create({ name: 'theirs', include });
  tags.create('theirs');
  serviceTokens.create({ name: 'theirs' });
  // Named as ours would be, but for the mark.
  const shared = policies.create({ name: 'family', decision: 'allow', include, kept: {} });
  policies.create({ name: 'sallyport owner=cabin policy=family', decision: 'allow', include, kept: {} });
  for (let at = 0; at < count; at++)
    apps.create({
      type: 'self_hosted',
      name: `theirs ${at}`,
      domain: `theirs-${at}.example.com${at % 3 === 0 ? '/admin' : ''}`,
      tags: at % 2 === 0 ? ['theirs'] : [],
      policies:
        at % 2 === 0
          ? [{ id: shared.id, precedence: 1 }]
          : [{ precedence: 1, own: { name: `own ${at}`, decision: 'allow', include, kept: {} } }],
      kept: {},
    });
}
