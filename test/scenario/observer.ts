// What must never be true, checked after every write to the API and every swap of a table; what was true all the same is kept with its step.

import type { EdgeStore } from '../../src/edge/store/store.ts';
import { compileMatcher } from '../../src/ingress/match.ts';
import { checkRules } from '../../src/ingress/validate.ts';
import type { IngressRule, Service, ServiceId } from '../../src/model.ts';
import {
  configurationOf,
  type Lock,
  lockFor,
  locksOf,
  namesOf,
  readThings,
  type Thing,
  trespasses,
} from './reality.ts';
import type { Call, WriteObserver } from './way.ts';

/** A place where requests for a program's names are routed. */
export interface RoutedTable {
  /** The tunnel that names must lead to for requests to arrive here. */
  readonly tunnelId: string;
  readonly rules: readonly IngressRule[];
}

/** Watches one world. */
export interface Observer extends WriteObserver {
  /** What was true although it must never be, in order. */
  readonly violations: readonly string[];
  /** From now on the rules of this hostname are this instance's. */
  claim(hostname: string, owner: string): void;
  /** The tables of processes that route by themselves; those of tunnels are read from the API. */
  tables: () => readonly RoutedTable[];
  /** The instance has been told of these services: from now on its rules may be for them. */
  toldOf(owner: string, services: readonly Service[]): void;
  /** It had the one step it needs to close what is not so any more: from now on its rules may be for nothing else. */
  hadItsStep(owner: string, services: readonly Service[]): void;
  /** Something happened that is no write: a swap, the end of a pass. */
  look(step: string): void;
  /** A pass of this instance ended with nothing left undone: what a person broke must be mended by now. */
  allMended(owner: string): void;
  /** A person does something. What is wrong just after it is not the programs' fault until they had a pass to mend it. */
  byHand(edit: () => void): void;
  /** A person routes names to this service of their own: that is theirs to know, as long as what locks the name stays. */
  acceptOrigin(service: string): void;
}

/** A service as the rules that lead to it must treat it. */
interface Target {
  readonly serviceId: ServiceId;
  readonly hostnames: ReadonlySet<string>;
  /** A policy's name, or `public`. */
  readonly access: string;
  readonly bypassPaths: readonly string[];
}

/** By the URL of a rule that leads there. */
type Targets = ReadonlyMap<string, Target>;

/** An observer of an API's store. */
export function createObserver(store: EdgeStore): Observer {
  const violations: string[] = [];
  const claims = new Map<string, string>();
  const known = new Map<string, { readonly now: Targets; readonly next: Targets }>();
  const excused = new Set<string>();
  const handmade = new Set<string>();
  const ownerOf = (hostname: string) => claims.get(hostname.toLowerCase());
  /** As the last write left it; undefined when a person may have changed something since. */
  let before: ReadonlyMap<string, Thing> | undefined;

  function check(step: string): void {
    for (const wrong of wrongNow()) {
      if (excused.has(wrong) || violations.some((one) => one.endsWith(wrong))) continue;
      violations.push(`${step}: ${wrong}`);
    }
  }

  function wrongNow(): readonly string[] {
    const locks = locksOf(store);
    const powerless = locks
      .filter(({ owner, policies }) => owner !== undefined && policies.length === 0)
      .map(({ domain, owner }) => `${owner}'s application for ${domain} has no policy`);
    const tables = everyTable();
    return [...powerless, ...tables.flatMap((table) => openDoors(table, locks)), ...tables.flatMap(leadingNowhere)];
  }

  function everyTable(): readonly RoutedTable[] {
    const remote = store.tunnels
      .list()
      .filter(({ configSrc, deletedAt }) => configSrc === 'cloudflare' && deletedAt === null)
      .map(({ id }) => ({ tunnelId: id, rules: configurationOf(store, id).ingress }));
    return [...remote, ...observer.tables()];
  }

  /** Rules of ours that lead where they must not, or past a lock that is not there. */
  function openDoors({ tunnelId, rules }: RoutedTable, locks: readonly Lock[]): readonly string[] {
    const match = compileMatcher(checkRules(rules));
    const names = namesOf(store, tunnelId);
    return rules.flatMap((rule) => {
      const { hostname = '' } = rule;
      const owner = ownerOf(hostname);
      if (owner === undefined) return [];
      return probesOf(rule).flatMap(([host, path]) => {
        const { service } = match(host, path).rule.rule;
        if (service.startsWith('http_status:')) return [];
        const { now, next } = known.get(owner) ?? nothing;
        const lock = lockFor(locks, host, path);
        const problems = [now, next].map((targets) => {
          const target = handmade.has(service) ? strictest(targets, hostname) : targets.get(service);
          return problemOf(target, hostname, path, lock);
        });
        const sign = names.has(hostname) ? 'its name is up' : 'its name is not up';
        return problems.includes(undefined) ? [] : [`${host}${path} (${sign}) reaches ${service}, ${problems[0]}`];
      });
    });
  }

  /** Names of ours that are up and would be answered by whatever else takes them. A connector without any rule yet answers nobody. */
  function leadingNowhere({ tunnelId, rules }: RoutedTable): readonly string[] {
    const hosts = new Set(rules.map(({ hostname }) => hostname));
    const isEmpty = rules.every(({ hostname }) => hostname === undefined);
    if (isEmpty || handmade.size > 0) return [];
    return [...namesOf(store, tunnelId)].flatMap((name) =>
      ownerOf(name) === undefined || hosts.has(name) ? [] : [`${name} is up and has no rule`],
    );
  }

  const observer: Observer = {
    violations,
    tables: () => [],
    claim(hostname, owner) {
      claims.set(hostname.toLowerCase(), owner);
      before = undefined;
    },
    toldOf(owner, services) {
      known.set(owner, { now: known.get(owner)?.now ?? new Map(), next: targetsOf(services) });
    },
    hadItsStep(owner, services) {
      const targets = targetsOf(services);
      known.set(owner, { now: targets, next: targets });
      check(`${owner} had the step to close what is gone`);
    },
    look: check,
    beforeWrite() {
      before ??= readThings(store, ownerOf);
    },
    afterWrite(owner, call) {
      const step = describe(owner, call);
      const after = readThings(store, ownerOf);
      for (const one of trespasses(before ?? after, after, owner)) violations.push(`${step}: ${one}`);
      before = after;
      check(step);
    },
    allMended(owner) {
      excused.clear();
      check(`${owner}'s pass ended`);
    },
    acceptOrigin: (service) => handmade.add(service),
    byHand(edit) {
      edit();
      before = undefined;
      for (const wrong of wrongNow()) excused.add(wrong);
    },
  };
  return observer;
}

function describe(owner: string, { method, path, number }: Call): string {
  return `after ${owner}'s call ${number}, ${method} ${path.replaceAll(/[0-9a-f]{32}/g, '…')}`;
}

/** Requests a rule is for: its own place, and something further down. */
function probesOf({ hostname = '', path = '' }: IngressRule): readonly (readonly [string, string])[] {
  const host = hostname.startsWith('*.') ? `any${hostname.slice(1)}` : hostname;
  const prefix = path.replace(/^\^/, '').replace(/\/$/, '');
  return [
    [host, prefix === '' ? '/' : prefix],
    [host, `${prefix}/deep/down`],
  ];
}

/** Why a rule of this hostname must not lead to a service, as far as these requests go; undefined when it may. */
function problemOf(
  target: Target | undefined,
  hostname: string,
  path: string,
  lock: Lock | undefined,
): string | undefined {
  if (target === undefined) return 'which nobody has';
  const { serviceId, access, hostnames, bypassPaths } = target;
  if (!hostnames.has(hostname)) return `which is ${serviceId}'s and not of that name`;
  if (access === 'public' || bypassPaths.some((free) => path.startsWith(free))) return undefined;
  const guarded = `which is ${serviceId}'s, guarded by ${access},`;
  if (lock === undefined) return `${guarded} without an Access application`;
  if (lock.policies.length === 0) return `${guarded} behind ${lock.domain}, which has no policy`;
  const isOpen = lock.policies.some(({ decision }) => decision === 'bypass');
  return isOpen ? `${guarded} behind ${lock.domain}, which lets everybody in` : undefined;
}

/** The service of a hostname, a guarded one if there is one: what its lock must be, wherever a person routes it. */
function strictest(targets: Targets, hostname: string): Target | undefined {
  const all = [...targets.values()].filter(({ hostnames }) => hostnames.has(hostname));
  return all.find(({ access }) => access !== 'public') ?? all[0];
}

const nothing = { now: new Map<string, Target>(), next: new Map<string, Target>() };

function targetsOf(services: readonly Service[]): Targets {
  return new Map(
    services.flatMap((service) => {
      const { address, ports, hints, id, name } = service;
      if (address === undefined) return [];
      const hostname = hints.hostname ?? `${name}.example.com`;
      const { access = 'public', bypassPaths = [] } = hints;
      return ports.map(({ number }) => [
        `http://${address}:${number}`,
        { serviceId: id, hostnames: new Set([hostname]), access, bypassPaths },
      ]);
    }),
  );
}
