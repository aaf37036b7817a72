// One service with everything known of it: where its address came from, what was asked, its rules, records and applications. Pure.
import type { Choices } from '../../choices.ts';
import { shownUrl } from '../../ingress/shown-url.ts';
import type { IngressEntry, Service, ServiceHints, Snapshot } from '../../model.ts';
import type { PluginManifest } from '../../plugin/catalogue.ts';
import { notesFor } from '../../plugin/notes.ts';
import type { ServiceStatus } from '../../status.ts';
import { findingSchema, flag, type JsonSchema, listOf, optionalText, shape, text, texts } from './schema.ts';

const maxText = 1_000;

/** What a service's view is made of. */
export interface ServiceViewInputs {
  readonly service: Service;
  readonly status: ServiceStatus;
  readonly snapshot: Pick<Snapshot, 'entries' | 'desired'>;
  readonly choices: Pick<Choices, 'services'>;
  readonly app: PluginManifest | undefined;
}

const entryFields = {
  hostname: text,
  path: text,
  service: text,
  access: text,
  bypassPaths: texts,
  isChosenName: flag,
  originOptions: texts,
};

/** A service in a list. */
export const serviceFields: Readonly<Record<string, JsonSchema>> = {
  id: text,
  name: text,
  source: text,
  plugin: text,
  address: text,
  hostnames: texts,
  access: texts,
  rules: texts,
  state: text,
  published: flag,
  diagnostics: listOf(findingSchema),
};

/** The fields of a service that may be absent. */
export const optionalServiceFields = ['plugin', 'address'] as const;

/** The schema of a service with everything. */
export const serviceViewFields: Readonly<Record<string, JsonSchema>> = {
  ...serviceFields,
  image: optionalText,
  origin: shape({ address: optionalText, from: text, ports: texts, hint: text }, ['hint']),
  asked: listOf(shape({ entry: optionalText, field: text, value: text, by: text })),
  choice: {
    ...shape({ enable: flag, ignored: flag, hostname: text, access: text, bypassPaths: texts }, [
      'enable',
      'ignored',
      'hostname',
      'access',
      'bypassPaths',
    ]),
    type: ['object', 'null'],
  },
  entries: listOf(shape(entryFields, ['path'])),
  records: listOf(shape({ zone: text, name: text, type: text, content: text, proxied: flag })),
  applications: listOf(shape({ name: text, domain: text, policies: texts })),
  app: {
    ...shape(
      {
        id: text,
        name: text,
        category: text,
        homepage: text,
        sensitivity: text,
        reason: text,
        suggestBypass: texts,
        notes: texts,
      },
      ['homepage', 'reason'],
    ),
    type: ['object', 'null'],
  },
};

/** Everything known of a service. */
export function serviceView({ service, status, snapshot, choices, app }: ServiceViewInputs) {
  const { id } = service;
  const wanted = snapshot.desired.ingress.filter((entry) => entry.serviceId === id);
  const routed = snapshot.entries.filter((entry) => entry.serviceId === id);
  const choice = Object.hasOwn(choices.services, id) ? choices.services[id] : undefined;
  return {
    ...status,
    image: service.image ?? null,
    origin: originView(service),
    asked: askedOf(service, choice),
    choice: choice ?? null,
    entries: (wanted.length > 0 ? wanted : routed).map(entryView),
    records: snapshot.desired.dnsRecords
      .filter(({ owner }) => owner?.resource === id)
      .map(({ zone, name, type, content, proxied }) => ({ zone, name, type, content, proxied })),
    applications: snapshot.desired.accessApplications
      .filter(({ owner }) => owner?.resource === id)
      .map(({ name, domain, policies }) => ({ name, domain, policies })),
    app: app === undefined ? null : appView(app, wanted[0]?.rule.hostname),
  };
}

function originView(service: Service) {
  const { address, unreachable, source } = service;
  const from = unreachable?.reason ?? fromWhere(service);
  return {
    address: address ?? null,
    from: source === 'builtin' ? 'this program itself' : from,
    ports: service.ports.map(({ number, protocol, target, speaks }) => {
      const inside = target === undefined ? '' : `, ${target} inside the container`;
      return `${number}/${protocol}${inside}${speaks === undefined ? '' : `, speaks ${speaks}`}`;
    }),
    ...(unreachable === undefined ? {} : { hint: unreachable.hint }),
  };
}

function fromWhere({ address, hints, ports, source }: Service): string {
  if (hints.service !== undefined) return 'the service URL that was given for it';
  if (address === undefined) return 'nowhere: there is none';
  if (source === 'file') return 'the settings';
  if (hints.network !== undefined) return `the network ${hints.network}, as was asked for`;
  if (ports.some(({ target }) => target !== undefined)) return 'a port the container publishes on its host';
  return source === 'docker' ? 'a network of the container that this program reaches' : source;
}

/** What labels, settings and choices came to, field by field, as somebody would write it. */
function askedOf(service: Service, choice: Choices['services'][Service['id']] | undefined) {
  const own = Object.entries(service.entries ?? {}).flatMap(([name, hints]) => hintsView(hints, name, undefined));
  return [...hintsView(service.hints, null, choice), ...own];
}

function hintsView(hints: ServiceHints, entry: string | null, choice: object | undefined) {
  const { chosen: _chosen, originRequest, ...plain } = hints;
  const options = Object.keys(originRequest ?? {}).map((key) => ['origin', key] as const);
  return [...Object.entries(plain).filter(([, value]) => value !== undefined), ...options].map(([field, value]) => ({
    entry,
    field,
    value: shownUrl(Array.isArray(value) ? value.join(', ') : String(value)).slice(0, maxText),
    by: choice !== undefined && Object.hasOwn(choice, field) ? 'choice' : 'label or settings',
  }));
}

function entryView({ rule, access, explicit }: IngressEntry) {
  return {
    hostname: rule.hostname,
    ...(rule.path === undefined ? {} : { path: rule.path }),
    service: shownUrl(rule.service),
    access: access === 'public' ? 'public' : access.policy,
    bypassPaths: access === 'public' ? [] : (access.bypassPaths ?? []),
    isChosenName: explicit,
    // By name only: a value such as a proxy's address may hold a password.
    originOptions: Object.keys(rule.originRequest ?? {}),
  };
}

function appView(app: PluginManifest, hostname: string | undefined) {
  return {
    id: app.id,
    name: app.name,
    category: app.category,
    ...(app.homepage === undefined ? {} : { homepage: app.homepage }),
    sensitivity: app.access.sensitivity,
    ...(app.access.reason === undefined ? {} : { reason: app.access.reason }),
    suggestBypass: app.access.suggestBypass ?? [],
    notes: notesFor(app, hostname),
  };
}
