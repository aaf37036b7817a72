// What there is at the API, read from its store: every object with whose it is, and how Access would decide.
import type { EdgeStore } from '../../src/edge/store/store.ts';
import type { IngressRule } from '../../src/model.ts';

/** One object, or one party's rules in one tunnel, byte for byte. */
export interface Thing {
  /** For messages. */
  readonly name: string;
  /** The instance that marked it; undefined for everybody else's. */
  readonly owner: string | undefined;
  readonly text: string;
}

/** Says whose the rules of a hostname are; undefined for everybody else's. */
export type RuleOwner = (hostname: string) => string | undefined;

/** Everything there is, by an unchanging key. */
export function readThings(store: EdgeStore, ownerOf: RuleOwner): ReadonlyMap<string, Thing> {
  const things = new Map<string, Thing>();
  const add = (kind: string, id: string, name: string, owner: string | undefined, value: unknown) =>
    things.set(`${kind} ${id}`, { name: `${kind} ${name}`, owner, text: JSON.stringify(value) });
  for (const zone of store.zones.list()) {
    add('zone', zone.id, zone.name, undefined, zone);
    for (const record of store.records.list(zone.id))
      add('record', record.id, `${record.type} ${record.name}`, recordOwner(record), record);
  }
  const { apps, policies, tags, groups, serviceTokens, identityProviders } = store.access;
  for (const app of apps.list()) {
    add('application', app.id, app.fields.name, appOwner(app.fields.tags), app);
    for (const { id, policy } of policiesOf(store, app.id))
      if (policy?.appId === app.id)
        add('policy', id, `${policy.name} of ${app.fields.name}`, appOwner(app.fields.tags), policy);
  }
  for (const policy of policies.list())
    add('policy', policy.id, policy.fields.name, policyOwner(policy.fields.name), policy);
  for (const tag of tags.list()) add('tag', tag.id, tag.id, appOwner([tag.id]), tag);
  for (const group of groups.list()) add('group', group.id, group.fields.name, undefined, group);
  for (const token of serviceTokens.list()) add('service token', token.id, token.fields.name, undefined, token);
  for (const idp of identityProviders.list()) add('login method', idp.id, idp.fields.name, undefined, idp);
  for (const tunnel of store.tunnels.list()) {
    const { ingress, ...rest } = configurationOf(store, tunnel.id);
    add('tunnel', tunnel.id, tunnel.name, undefined, [tunnel.name, tunnel.configSrc, tunnel.deletedAt]);
    add('settings beside the rules of tunnel', tunnel.id, tunnel.name, undefined, rest);
    for (const [owner, rules] of Map.groupBy(ingress, (rule) => ruleOwner(rule, ownerOf)))
      add(`rules of ${owner ?? 'nobody'} in tunnel`, tunnel.id, tunnel.name, owner, rules);
  }
  return things;
}

/** What differs between two moments that this instance may not have changed, in words. */
export function trespasses(
  before: ReadonlyMap<string, Thing>,
  after: ReadonlyMap<string, Thing>,
  writer: string,
): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    if (old?.text === now?.text) return [];
    const isOurs = [old, now].every((thing) => thing === undefined || thing.owner === writer);
    // A tunnel may be made; it is never changed.
    const isMade = old === undefined && /^(tunnel|settings beside|rules of nobody)/.test(key);
    if (isOurs || isMade) return [];
    const whose = old?.owner ?? now?.owner ?? 'somebody else';
    return [
      `${writer} changed ${whose}'s ${(old ?? now)?.name}:\n    was ${old?.text ?? 'not there'}\n    is  ${now?.text ?? 'gone'}`,
    ];
  });
}

/** A configuration with a catch-all, as it is before anybody wrote one. */
export interface Configuration {
  readonly ingress: readonly IngressRule[];
  readonly [key: string]: unknown;
}

/** What the API keeps for a tunnel and pushes to its connectors. */
export function configurationOf(store: EdgeStore, tunnelId: string): Configuration {
  const config = (store.configurations.get(tunnelId)?.config ?? {}) as Partial<Configuration>;
  return { ...config, ingress: config.ingress ?? [{ service: 'http_status:404' }] };
}

/** Names that lead to a tunnel. */
export function namesOf(store: EdgeStore, tunnelId: string): ReadonlySet<string> {
  const records = store.zones.list().flatMap((zone) => store.records.list(zone.id));
  return new Set(records.filter(({ content }) => content === targetOf(tunnelId)).map(({ name }) => name));
}

/** What a record that leads to a tunnel says. */
export function targetOf(tunnelId: string): string {
  return `${tunnelId}.cfargotunnel.com`;
}

/** An application and the policies it has. */
export interface Lock {
  readonly domain: string;
  readonly owner: string | undefined;
  readonly policies: readonly { readonly name: string; readonly decision: string }[];
}

/** Every application that guards hosts, one per place. */
export function locksOf(store: EdgeStore): readonly Lock[] {
  return store.access.apps.list().flatMap((app) =>
    app.fields.destinations.flatMap(({ uri }) => {
      if (uri === undefined) return [];
      const policies = policiesOf(store, app.id).flatMap(({ policy }) => policy ?? []);
      return [{ domain: uri, owner: appOwner(app.fields.tags), policies }];
    }),
  );
}

/** The application that decides about a request: the most specific one, as Access chooses. */
export function lockFor(locks: readonly Lock[], host: string, path: string): Lock | undefined {
  return locks
    .filter(({ domain }) => isWithin(domain, host, path))
    .toSorted((a, b) => specificity(b.domain) - specificity(a.domain))[0];
}

function isWithin(domain: string, host: string, path: string): boolean {
  const slash = domain.indexOf('/');
  const [place, prefix] = slash === -1 ? [domain, ''] : [domain.slice(0, slash), domain.slice(slash)];
  const isHost = place === host || (place.startsWith('*.') && host.endsWith(place.slice(1)));
  if (!isHost) return false;
  if (prefix.endsWith('*')) return path.startsWith(prefix.slice(0, -1));
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
}

/** Exact hosts before wildcards, then the longer place. */
function specificity(domain: string): number {
  return (domain.startsWith('*.') ? 0 : 10_000) + domain.length;
}

function policiesOf(store: EdgeStore, appId: string) {
  const app = store.access.apps.get(appId);
  const all = store.access.appPolicies.list(app);
  return app.fields.policies.map(({ id }) => ({
    id,
    policy: all.find(({ policy }) => policy.id === id)?.policy.fields,
  }));
}

function recordOwner(record: { readonly type: string; readonly comment: string | null }): string | undefined {
  return record.type === 'CNAME' ? /^sallyport owner=(\S+) resource=\S+$/.exec(record.comment ?? '')?.[1] : undefined;
}

function appOwner(tags: readonly string[]): string | undefined {
  return tags.find((tag) => tag.startsWith('sallyport-'))?.slice('sallyport-'.length);
}

function policyOwner(name: string): string | undefined {
  return /^sallyport owner=(\S+) policy=./.exec(name)?.[1];
}

function ruleOwner(rule: IngressRule, ownerOf: RuleOwner): string | undefined {
  return rule.hostname === undefined || rule.hostname === '' ? undefined : ownerOf(rule.hostname);
}
