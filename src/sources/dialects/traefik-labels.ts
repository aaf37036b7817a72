// Traefik's labels sorted into routers, services and middlewares. Pure; Traefik reads its own words in any case.
import type { ForeignLabels } from './foreign-labels.ts';
import type { MiddlewareKinds } from './traefik-middlewares.ts';
import { listOf } from './words.ts';

/** One label's value and the key it stands under. */
export interface Field {
  readonly key: string;
  readonly value: string;
}

/** A router or a service with its fields, whose names are in lower case. */
export interface Section {
  readonly protocol: 'http' | 'tcp';
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
}

/** Everything of a container's that bears on routing. */
export interface TraefikLabels {
  readonly enable: Field | undefined;
  readonly network: Field | undefined;
  readonly routers: readonly Section[];
  readonly services: readonly Section[];
  /** By protocol. */
  readonly middlewares: Readonly<Record<'http' | 'tcp', MiddlewareKinds>>;
  /** The links of a chain that is defined here. */
  links(protocol: 'http' | 'tcp', chain: string): readonly string[];
}

const sectionKey = /^traefik\.(http|tcp)\.(routers|services|middlewares)\.([^.]+)\.(.+)$/i;

/** Sorts; the fields of routers and services count as read only once somebody asks for them. */
export function sortTraefikLabels(labels: ForeignLabels): TraefikLabels {
  const sections = { routers: new Map<string, Draft>(), services: new Map<string, Draft>() };
  const middlewares = { http: new Map<string, string[]>(), tcp: new Map<string, string[]>() };
  const chains = new Map<string, string>();
  for (const key of labels.keys) {
    const [, rawProtocol = '', rawGroup = '', name = '', field = ''] = sectionKey.exec(key) ?? [];
    if (field === '') continue;
    const protocol = rawProtocol.toLowerCase() === 'tcp' ? 'tcp' : 'http';
    const group = rawGroup.toLowerCase();
    if (group === 'routers' || group === 'services') {
      put(sections[group], { protocol, name }, field.toLowerCase(), key);
      continue;
    }
    // What a middleware does is said beside the router that uses it.
    const value = labels.get(key) ?? '';
    const kind = (field.split('.')[0] ?? '').toLowerCase();
    const known = middlewares[protocol].get(name) ?? [];
    if (!known.includes(kind)) middlewares[protocol].set(name, [...known, kind]);
    if (field.toLowerCase() === 'chain.middlewares') chains.set(`${protocol}/${name}`, value);
  }
  return {
    enable: find(labels, 'traefik.enable'),
    network: find(labels, 'traefik.docker.network') ?? find(labels, 'traefik.swarm.network'),
    routers: [...sections.routers.values()].map((draft) => withValues(draft, labels)),
    services: [...sections.services.values()].map((draft) => withValues(draft, labels)),
    middlewares,
    links: (protocol, chain) => listOf(chains.get(`${protocol}/${chain}`) ?? ''),
  };
}

interface Draft {
  readonly protocol: 'http' | 'tcp';
  readonly name: string;
  readonly keys: Map<string, string>;
}

function put(group: Map<string, Draft>, section: Omit<Draft, 'keys'>, field: string, key: string): void {
  const id = `${section.protocol}/${section.name}`;
  const draft = group.get(id) ?? { ...section, keys: new Map<string, string>() };
  draft.keys.set(field, key);
  group.set(id, draft);
}

function withValues(draft: Draft, labels: ForeignLabels): Section {
  const fields = new Map([...draft.keys].map(([field, key]) => [field, { key, value: labels.peek(key) }]));
  return { protocol: draft.protocol, name: draft.name, fields };
}

function find(labels: ForeignLabels, wanted: string): Field | undefined {
  const key = labels.keys.find((one) => one.toLowerCase() === wanted);
  return key === undefined ? undefined : { key, value: labels.get(key) ?? '' };
}
