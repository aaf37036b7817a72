// The rules, kept in line with the desired state: in our own connector's table, or in the configuration the API keeps for a remotely managed tunnel.
import { isDeepStrictEqual } from 'node:util';
import type { CloudflareApi } from '../cloudflare/client.ts';
import type { TunnelConfiguration } from '../cloudflare/configurations.ts';
import type { Connector, Reconciler } from '../contracts.ts';
import type { Change, DesiredState, Diagnostic, IngressEntry, IngressRule, Plan, ServiceId } from '../model.ts';
import { diff } from '../plan/diff.ts';
import { hold } from '../plan/policy.ts';
import { entryDifferences, entryKey, withdrawals } from './closing.ts';
import { buildRules } from './compile.ts';
import { mergeConfiguration, ourRules, rulesByHostname } from './remote.ts';
import { weave } from './weave.ts';

/** Where the rules live. */
export interface RuleTarget {
  /** What is there now, as entries, and which hostnames belong to somebody else. Reads; changes nothing. */
  read(desired: DesiredState, signal: AbortSignal): Promise<Reality>;
  /** Makes exactly these entries ours, doing nothing when they are already; resolves to those that could not be written. */
  write(entries: readonly IngressEntry[], signal: AbortSignal): Promise<readonly IngressEntry[]>;
}

/** The rules as they are. */
export interface Reality {
  readonly ours: readonly IngressEntry[];
  readonly foreignHostnames: ReadonlySet<string>;
}

/** The ingress reconciler, and what must not wait for the rest of a pass. */
export interface IngressReconciler extends Reconciler<IngressEntry> {
  /** The entries that are in the table now, closed ones included. */
  live(): readonly IngressEntry[];
  /** Closes, at once, the rules whose address is gone or no longer theirs; see `withdrawals`. Asks nothing when there are none. */
  withdraw(desired: DesiredState, signal: AbortSignal): Promise<void>;
  /** The same for rules that a plan just read and nobody remembers writing: they are closed, never moved. */
  closeStale(desired: DesiredState, signal: AbortSignal): Promise<void>;
}

/** A reconciler for rules that live in a connector of ours: every rule there is ours. */
export function createLocalIngress(connector: Pick<Connector, 'updateIngress'>): IngressReconciler {
  let written: readonly IngressEntry[] = [];
  let rules: readonly IngressRule[] | undefined;
  return createReconciler({
    read: async () => ({ ours: written, foreignHostnames: new Set() }),
    async write(entries) {
      const next = buildRules(entries);
      if (!isDeepStrictEqual(next, rules)) await connector.updateIngress(next);
      rules = next;
      written = entries;
      return [];
    },
  });
}

/** A tunnel whose rules the API keeps and pushes to its connectors. */
export interface RemoteIngressOptions {
  readonly api: Pick<CloudflareApi, 'configurations'>;
  readonly account: string;
  readonly tunnelId: string;
  /** Hostnames whose DNS record carries our mark: their rules are ours, whoever wrote them. */
  ownedHostnames(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** True for a tunnel nobody else uses: a rule for a hostname we want is then ours without a mark. */
  readonly exclusive?: boolean;
  /** What a connector reported of itself does not count: only what was written is pushed to others. */
  readonly writtenOnly?: boolean;
}

/** A reconciler for rules in a remotely managed tunnel, where other people's rules may be too. */
export function createRemoteIngress(options: RemoteIngressOptions): IngressReconciler {
  return createReconciler(createRemoteTarget(options));
}

function createReconciler(target: RuleTarget): IngressReconciler {
  let live: readonly IngressEntry[] = [];
  let order: readonly IngressEntry[] = [];
  let problems: readonly Diagnostic[] = [];
  let newest: DesiredState | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  /** One write at a time: a withdrawal may come while a slow pass is still at work. */
  function commit(decide: () => readonly Change<IngressEntry>[], signal: AbortSignal): Promise<readonly ServiceId[]> {
    // Decided when its turn comes: what the write before it made live counts.
    const done = writing.then(() => write(decide(), signal));
    writing = done.catch(() => undefined);
    return done;
  }

  async function write(changes: readonly Change<IngressEntry>[], signal: AbortSignal): Promise<readonly ServiceId[]> {
    if (changes.length === 0) return [];
    const planned = applyChanges(live, changes);
    // A plan may be older than the last withdrawal: what that closed stays closed.
    const safe = newest === undefined ? planned : applyChanges(planned, withdrawals(planned, newest));
    const next = inOrder(safe, order);
    const refused = new Set(await target.write(next, signal));
    live = next.filter((entry) => !refused.has(entry));
    return [...refused].map((entry) => entry.serviceId);
  }

  return {
    target: 'ingress',
    live: () => live,
    diagnostics: () => problems,
    async plan(desired, signal) {
      const reality = await target.read(desired, signal);
      live = reality.ours;
      order = desired.ingress;
      const planned = hold(diffEntries(live, desired), (change) => {
        const { hostname } = (change.action === 'delete' ? change.current : change.desired).rule;
        return reality.foreignHostnames.has(hostname.toLowerCase()) ? foreignReason(hostname) : undefined;
      });
      problems = planned.held.map(({ change, reason }) => conflict(change.serviceId, reason));
      return planned;
    },
    async apply(plan, phase, signal) {
      // Deletes are part of the same swap: there is no moment between.
      return phase === 'upsert' ? commit(() => plan.changes, signal) : [];
    },
    async withdraw(desired, signal) {
      newest = desired;
      order = desired.ingress;
      await commit(() => withdrawals(live, desired), signal);
    },
    async closeStale(desired, signal) {
      // A withdrawal that came while the pass was reading knows better than the pass.
      await commit(() => withdrawals(live, newest ?? desired, true), signal);
    },
  };
}

/** One order for all: as desired, with what is kept closed put where it takes nothing from the others. */
function inOrder(entries: readonly IngressEntry[], order: readonly IngressEntry[]): readonly IngressEntry[] {
  const present = new Map(entries.map((entry) => [entryKey(entry), entry]));
  const ordered = order.flatMap((entry) => present.get(entryKey(entry)) ?? []);
  const placed = new Set(ordered);
  return weave(
    ordered,
    entries.filter((entry) => !placed.has(entry)),
    (entry) => entry.rule,
  );
}

function applyChanges(
  live: readonly IngressEntry[],
  changes: readonly Change<IngressEntry>[],
): readonly IngressEntry[] {
  const entries = new Map(live.map((entry) => [entryKey(entry), entry]));
  for (const change of changes) {
    if (change.action === 'delete') entries.delete(entryKey(change.current));
    else entries.set(entryKey(change.desired), change.desired);
  }
  return [...entries.values()];
}

function diffEntries(live: readonly IngressEntry[], desired: DesiredState): Plan<IngressEntry> {
  return diff(live, desired.ingress, {
    target: 'ingress',
    key: entryKey,
    service: (entry) => entry.serviceId,
    differences: entryDifferences,
    foreign: () => undefined,
  });
}

function foreignReason(hostname: string): string {
  return `the tunnel already has a rule for ${hostname} that is not ours: remove it there, or choose another hostname`;
}

function conflict(serviceId: ServiceId, message: string): Diagnostic {
  return { severity: 'error', code: 'E_CONFLICT', message, serviceId };
}

/** A rule found in the tunnel for which no service is known any more. */
const unknownService: ServiceId = 'tunnel/rule';

function createRemoteTarget(options: RemoteIngressOptions): RuleTarget {
  /** What we wrote or recognised: gives a rule read back its service and access. */
  let known: ReadonlyMap<string, IngressEntry> = new Map();
  /** Hostnames whose rules are ours: marked in DNS, or written by us before. */
  let owned: ReadonlySet<string> = new Set();

  async function read(desired: DesiredState, signal: AbortSignal): Promise<Reality> {
    const [config, marked] = await Promise.all([getConfig(signal), options.ownedHostnames(signal)]);
    const foreign = claim(config, desired.ingress, marked);
    const wanted = byKey(desired.ingress);
    const ours = ourRules(config, (hostname) => owned.has(hostname)).map((rule) => recognise(rule, known, wanted));
    known = byKey(ours);
    return { ours, foreignHostnames: foreign };
  }

  /** Re-reads before writing, so that what others changed since the plan is kept. */
  async function write(entries: readonly IngressEntry[], signal: AbortSignal): Promise<readonly IngressEntry[]> {
    const config = await getConfig(signal);
    const foreign = claim(config, entries, []);
    const [refused, ours] = partition(entries, (entry) => foreign.has(hostnameOf(entry)));
    owned = new Set([...owned, ...ours.map(hostnameOf)]);
    const merged = mergeConfiguration(config, ours, (hostname) => owned.has(hostname));
    const target = { account: options.account, tunnelId: options.tunnelId };
    if (merged !== config) await options.api.configurations.put(target, merged, signal);
    known = byKey(ours);
    return refused;
  }

  async function getConfig(signal: AbortSignal): Promise<TunnelConfiguration> {
    const { config, source } = await options.api.configurations.get(options.account, options.tunnelId, signal);
    return (options.writtenOnly === true && source === 'local' ? undefined : config) ?? {};
  }

  /**
   * Of the hostnames of `wanted` that have rules: takes as ours those where that takes nothing from anybody, because the rules are
   * so equal to what we want that nothing changes. Returns the others, which somebody else has.
   */
  function claim(
    config: TunnelConfiguration,
    wanted: readonly IngressEntry[],
    marked: Iterable<string>,
  ): ReadonlySet<string> {
    const present = rulesByHostname(config);
    const ours = new Set([...owned, ...marked]);
    const foreign = new Set<string>();
    for (const [hostname, entries] of Map.groupBy(wanted, hostnameOf)) {
      const rules = present.get(hostname);
      if (rules === undefined) continue;
      if (ours.has(hostname) || options.exclusive === true || areEqual(rules, entries)) ours.add(hostname);
      else foreign.add(hostname);
    }
    owned = ours;
    return foreign;
  }

  return { read, write };
}

function recognise(
  rule: IngressEntry['rule'],
  known: ReadonlyMap<string, IngressEntry>,
  wanted: ReadonlyMap<string, IngressEntry>,
): IngressEntry {
  const bare: IngressEntry = { serviceId: unknownService, plugin: '', rule, access: 'public', explicit: false };
  const like = known.get(entryKey(bare)) ?? wanted.get(entryKey(bare));
  return like === undefined ? bare : { ...like, rule };
}

function hostnameOf(entry: IngressEntry): string {
  return entry.rule.hostname.toLowerCase();
}

function byKey(entries: readonly IngressEntry[]): ReadonlyMap<string, IngressEntry> {
  return new Map(entries.map((entry) => [entryKey(entry), entry]));
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

function areEqual(rules: readonly IngressEntry['rule'][], entries: readonly IngressEntry[]): boolean {
  const wanted = byKey(entries);
  return rules.every((rule) => {
    const entry = wanted.get(`${rule.hostname.toLowerCase()} ${rule.path ?? ''}`);
    return entry !== undefined && entryDifferences({ ...entry, rule }, entry).length === 0;
  });
}
