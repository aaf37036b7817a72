// Traefik 2 and 3: routers whose rules name hosts and paths, the services they lead to, and what guards them there. Pure.
import { parseBoolean } from '../origin-options.ts';
import { quote } from '../quote.ts';
import type { Dialect } from './dialect.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';
import { setService } from './service-target.ts';
import { type Field, type Section, sortTraefikLabels, type TraefikLabels } from './traefik-labels.ts';
import { judgeMiddlewares } from './traefik-middlewares.ts';
import { type Route, routesOf } from './traefik-routes.ts';
import { parseRule } from './traefik-rule.ts';
import { listOf } from './words.ts';

/** Traefik's labels. */
export const traefik: Dialect = {
  name: 'traefik',
  owns: (key) => /^traefik\./i.test(key),
  read(labels) {
    const sorted = sortTraefikLabels(labels);
    const { enable, network } = sorted;
    if (enable !== undefined && !labels.isSwitchedOn(enable.key, isOn)) return;
    const drafts = new Map<string, EntryDraft>();
    for (const router of sorted.routers) readRouter(labels, sorted, router, drafts);
    const isVersion1 = noteVersion1(labels);
    if (sorted.routers.length === 0 && !isVersion1 && enable !== undefined)
      readUnrouted(labels, sorted, enable.key, drafts);
    if (network !== undefined) for (const draft of drafts.values()) draft.set('network', network.value, network.key);
    labels.pass((key) => /^traefik\.(?:tags|docker\.|swarm\.)/i.test(key));
  },
};

/** Version 1 had no routers; whoever still has its labels meant other names than the container's own. */
function noteVersion1(labels: ForeignLabels): boolean {
  const keys = labels.keys.filter((key) => /^traefik\.(?:(?:[^.]+\.)?(?:frontend|port|protocol)\b|backend)/i.test(key));
  for (const key of keys) labels.note(key, "Traefik 1's labels are not read; write them as a router and a service");
  return keys.length > 0;
}

/** Go's spellings besides ours. */
function isOn(text: string): boolean {
  return parseBoolean(text) === true || text.toLowerCase() === 't';
}

/** Enabled without a router: Traefik makes a rule of the container's name, and so do we. */
function readUnrouted(
  labels: ForeignLabels,
  sorted: TraefikLabels,
  from: string,
  drafts: Map<string, EntryDraft>,
): void {
  const draft = labels.entry('web', from);
  drafts.set('', draft);
  const [service, second] = sorted.services.filter(({ protocol }) => protocol === 'http');
  if (service !== undefined && second === undefined) readService(labels, service, [draft]);
}

/** The entry points everyone uses for what is meant for everybody. */
const openEntryPoints: ReadonlySet<string> = new Set(['web', 'websecure', 'web-secure', 'http', 'https']);

function readRouter(
  labels: ForeignLabels,
  sorted: TraefikLabels,
  router: Section,
  drafts: Map<string, EntryDraft>,
): void {
  const field = (name: string) => take(labels, router, name);
  const rule = field('rule');
  const anyKey = rule?.key ?? [...router.fields.values()][0]?.key ?? '';
  const leads = serviceOf(sorted, router, field('service'));
  const middlewares = field('middlewares');
  const entryPoints = field('entrypoints');
  const options = field('tls.options');
  const passthrough = field('tls.passthrough');
  field('priority');
  for (const name of router.fields.keys()) if (/^(?:tls|rulesyntax|observability)\b/.test(name)) field(name);
  if ('problem' in leads) {
    labels.note(leads.key ?? anyKey, `${leads.problem}; nothing is published through it`);
    return;
  }
  const fresh = routesOfRule(labels, rule).flatMap((route) => draftsFor(labels, router, route, drafts, anyKey));
  for (const { draft } of fresh) {
    if (middlewares !== undefined) guardByMiddlewares(labels, sorted, router, draft, middlewares);
    if (entryPoints !== undefined) guardByEntryPoints(draft, entryPoints);
    if (options !== undefined)
      draft.guard(options.key, `Traefik's TLS options ${quote(options.value)} may ask its visitors for certificates`);
  }
  const own = fresh.filter(({ isNew }) => isNew).map(({ draft }) => draft);
  if (leads.service !== undefined) readService(labels, leads.service, own);
  if (router.protocol === 'tcp') speakTcp(labels, own, passthrough);
}

/** A field's value; it counts as read. */
function take(labels: ForeignLabels, section: Section, name: string): Field | undefined {
  const field = section.fields.get(name);
  if (field !== undefined) labels.get(field.key);
  return field;
}

/** A router without a rule has one made of the container's name. */
function routesOfRule(labels: ForeignLabels, rule: Field | undefined): readonly (Route | undefined)[] {
  if (rule === undefined) return [undefined];
  const parsed = parseRule(rule.value);
  if ('problem' in parsed) {
    labels.note(rule.key, `the rule cannot be read: ${parsed.problem}; nothing is published through it`);
    return [];
  }
  const { routes, problems } = routesOf(parsed.rule);
  if (problems.length > 0)
    labels.note(
      rule.key,
      `${problems.slice(0, 3).join(', ')}; ${routes.length > 0 ? 'that part is left out' : 'nothing is published through it'}`,
    );
  return routes;
}

/** A draft for a route; two routers of one host and path (the usual redirect to HTTPS) are one entry, guarded if either is. */
function draftsFor(
  labels: ForeignLabels,
  router: Section,
  route: Route | undefined,
  drafts: Map<string, EntryDraft>,
  from: string,
): readonly { readonly draft: EntryDraft; readonly isNew: boolean }[] {
  const id = `${router.protocol} ${route?.hostname.toLowerCase() ?? ''} ${route?.path ?? ''}`;
  const known = drafts.get(id);
  if (known !== undefined) return [{ draft: known, isNew: known.hints.port === undefined }];
  const draft = labels.entry(router.name, from);
  if (route !== undefined) draft.set('hostname', route.hostname, from);
  if (route?.path !== undefined) draft.set('path', route.path, from);
  drafts.set(id, draft);
  return [{ draft, isNew: true }];
}

type Leads = { readonly service?: Section } | { readonly problem: string; readonly key?: string };

/** The service a router leads to: the one it names, or the only one there is. */
function serviceOf(sorted: TraefikLabels, router: Section, named: Field | undefined): Leads {
  const services = sorted.services.filter(({ protocol }) => protocol === router.protocol);
  if (named === undefined) {
    const [only, second] = services;
    if (second !== undefined) return { problem: `it does not say which service it leads to` };
    return only === undefined ? {} : { service: only };
  }
  const name = named.value.replace(/@docker$/i, '');
  const service = services.find((one) => one.name === name);
  if (service !== undefined) return { service };
  return { problem: `it leads to the service ${quote(named.value)}, which is not this container's`, key: named.key };
}

function guardByMiddlewares(
  labels: ForeignLabels,
  sorted: TraefikLabels,
  router: Section,
  draft: EntryDraft,
  field: Field,
): void {
  const { protocol } = router;
  const judged = judgeMiddlewares(listOf(field.value), sorted.middlewares[protocol], (chain) =>
    sorted.links(protocol, chain),
  );
  if (judged.why === '') return;
  labels.note(field.key, judged.why);
  if (judged.guard !== undefined) draft.guard(field.key, judged.guard);
}

/** An entry point of another name may be one that only the local network reaches. */
function guardByEntryPoints(draft: EntryDraft, field: Field): void {
  const names = listOf(field.value);
  if (names.some((name) => openEntryPoints.has(name.toLowerCase()))) return;
  const shown = names.slice(0, 3).map(quote).join(', ');
  draft.guard(field.key, `Traefik's entry point ${shown} may be for the local network only`);
}

/** Puts a service's port, scheme or URL into the drafts. */
function readService(labels: ForeignLabels, service: Section, drafts: readonly EntryDraft[]): void {
  const field = (name: string) => take(labels, service, `loadbalancer.${name}`);
  const [port, scheme, url] = [field('server.port'), field('server.scheme'), field('server.url')];
  const passHost = field('passhostheader');
  if (passHost !== undefined && !isOn(passHost.value))
    labels.note(passHost.key, "the visitor's host name is always passed on here");
  for (const draft of drafts) {
    if (url !== undefined) setService(labels, draft, url.value, url.key);
    if (port !== undefined) draft.set('port', port.value, port.key);
    if (scheme === undefined) continue;
    if (scheme.value.toLowerCase() === 'h2c') labels.note(scheme.key, 'origins are spoken to in HTTP/1.1 without TLS');
    else draft.set('protocol', scheme.value, scheme.key);
  }
}

function speakTcp(labels: ForeignLabels, drafts: readonly EntryDraft[], passthrough: Field | undefined): void {
  const isThrough = passthrough !== undefined && isOn(passthrough.value);
  if (isThrough) labels.note(passthrough.key, 'TLS ends at the edge here; port 443 and 8443 are taken for HTTPS');
  for (const draft of drafts) {
    const isWeb = isThrough && (draft.hints.port === 443 || draft.hints.port === 8443);
    draft.hints.protocol = isWeb ? 'https' : 'tcp';
  }
}
