// The rules of a remotely managed tunnel: which are ours, what was changed in them by hand, and how they are written among those of others.
import { isDeepStrictEqual } from 'node:util';
import { nameDecisions } from '../adoption.ts';
import { type Choices, type DriftChoice, noChoices } from '../choices.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import type { TunnelConfiguration } from '../cloudflare/configurations.ts';
import { AppError } from '../errors.ts';
import type { DesiredState, IngressEntry, ServiceId } from '../model.ts';
import { entryDifferences, entryKey } from './closing.ts';
import {
  findHands,
  formOf,
  type Hands,
  hostnameOfKey,
  isSameForm,
  type LiveRule,
  liveRules,
  type Remembered,
} from './drift.ts';
import { type Drift, decideDrifts, isPutRight, withDrifts } from './drift-decide.ts';
import type { RuleMemory } from './drift-memory.ts';
import { choiceFor, type Decision, decided, freshHands, newlyRemembered, underWay } from './drift-settle.ts';
import { leftBehind } from './left-behind.ts';
import { allRules, mergeConfiguration, rulesByHostname } from './remote.ts';

/** Where the rules live. */
export interface RuleTarget {
  /** What is there now, as entries, and which hostnames belong to somebody else. Reads; changes nothing. */
  read(desired: DesiredState, signal: AbortSignal): Promise<Reality>;
  /** Makes exactly these entries ours, doing nothing when they are already; resolves to those that could not be written. */
  write(entries: readonly IngressEntry[], signal: AbortSignal): Promise<readonly IngressEntry[]>;
  /** What is to be there: what is wanted, with what was written by hand in its place where that counts. */
  effective(wanted: readonly IngressEntry[]): readonly IngressEntry[];
  /** Rules that were changed by hand, as the last read found them. */
  drifts(): readonly Drift[];
  /** Whether nothing under this hostname is ours any more. */
  isReleased(hostname: string): boolean;
  /** Called when what was planned is done: what is there now is remembered, and decisions that are carried out are used up. */
  settle(): void;
}

/** The rules as they are. */
export interface Reality {
  readonly ours: readonly IngressEntry[];
  readonly foreignHostnames: ReadonlySet<string>;
}

/** A tunnel whose rules the API keeps and pushes to its connectors. */
export interface RemoteIngressOptions {
  readonly api: Pick<CloudflareApi, 'configurations'>;
  readonly account: string;
  readonly tunnelId: string;
  /** Hostnames whose DNS record carries our mark: their rules are ours, whoever wrote them. */
  ownedHostnames(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Hostnames that have a record, whoever's. Left out, rules whose record is gone already are nobody's after a restart. */
  recordedHostnames?(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** True for a tunnel nobody else uses: a rule for a hostname we want is then ours without a mark. */
  readonly exclusive?: boolean;
  /** What a connector reported of itself does not count: only what was written is pushed to others. */
  readonly writtenOnly?: boolean;
  /** What we wrote before; left out, a rule changed by hand is simply put right. */
  readonly memory?: RuleMemory | undefined;
  /** What a person decided; read again for every plan. Default: nothing. */
  readonly choices?: () => Choices;
  /** Called with decisions that were carried out. */
  readonly onDecided?: (decisions: readonly Decision[]) => void;
}

/** A rule found in the tunnel for which no service is known any more. */
const unknownService: ServiceId = 'tunnel/rule';

/** The target of a remotely managed tunnel. */
export function createRemoteTarget(options: RemoteIngressOptions): RuleTarget {
  const { memory } = options;
  /** What we wrote or recognised: gives a rule read back its service and access. */
  let known: ReadonlyMap<string, IngressEntry> = new Map();
  /** Hostnames whose rules are ours: marked in DNS, written by us before, or adopted. */
  let owned: ReadonlySet<string> = new Set();
  let choices: Choices = noChoices;
  let remembered: Remembered = new Map();
  let isLoaded = false;
  let isRead = false;
  let live: readonly LiveRule[] = [];
  /** What is wanted under hostnames that are not somebody else's. */
  let wanted: readonly IngressEntry[] = [];
  let hands: Hands = new Map();
  let drifts: ReadonlyMap<string, Drift> = new Map();
  let foreign: ReadonlySet<string> = new Set();
  /** Decisions that were carried out since the last were told. */
  const done = new Map<string, Decision>();

  const choose = (key: string): DriftChoice | undefined => choiceFor(choices, key);
  const isReleased = (hostname: string) => nameDecisions(choices).isReleased(hostname.toLowerCase());
  const isOurs = (hostname: string) => owned.has(hostname);

  async function read(desired: DesiredState, signal: AbortSignal): Promise<Reality> {
    isRead = false;
    choices = options.choices?.() ?? noChoices;
    if (!isLoaded) remembered = memory?.load() ?? remembered;
    isLoaded = true;
    const [config, marked, recorded] = await Promise.all([
      getConfig(signal),
      options.ownedHostnames(signal),
      options.recordedHostnames?.(signal),
    ]);
    const left = recorded === undefined ? [] : leftBehind({ remembered, present: rulesByHostname(config), recorded });
    foreign = claim(config, desired.ingress, [...marked, ...left]);
    wanted = withoutForeign(desired.ingress);
    look(config, wanted);
    hands = memory === undefined ? hands : findHands({ live, wanted, remembered, choiceFor: choose });
    const like = byKey(effective(desired.ingress));
    const ours = live.map(({ rule }) => recognise(rule, known, like));
    known = byKey(ours);
    isRead = true;
    return { ours, foreignHostnames: foreign };
  }

  function withoutForeign(entries: readonly IngressEntry[]): readonly IngressEntry[] {
    return entries.filter((entry) => !foreign.has(hostnameOf(entry)));
  }

  function effective(entries: readonly IngressEntry[]): readonly IngressEntry[] {
    if (memory === undefined) return entries;
    readChoices();
    wanted = withoutForeign(entries);
    drifts = decideDrifts({ hands, wanted, choiceFor: choose });
    return withDrifts(entries, drifts);
  }

  function readChoices(): void {
    try {
      choices = options.choices?.() ?? noChoices;
    } catch (error) {
      // Closing goes on with what was known; the plan says what is wrong with the file.
      if (!(error instanceof AppError)) throw error;
    }
  }

  /** Re-reads before writing, so that what others changed since the plan is kept. */
  async function write(entries: readonly IngressEntry[], signal: AbortSignal): Promise<readonly IngressEntry[]> {
    const config = await getConfig(signal);
    foreign = claim(config, entries, []);
    const [away, ours] = partition(entries, (entry) => foreign.has(hostnameOf(entry)));
    owned = new Set([...owned, ...ours.map(hostnameOf)]);
    look(config, wanted);
    const fresh: Hands =
      memory === undefined
        ? new Map()
        : freshHands({ live, wanted, remembered, choiceFor: choose, hands, entries: ours });
    if (fresh.size > 0) {
      hands = new Map([...hands, ...fresh]);
      drifts = decideDrifts({ hands, wanted, choiceFor: choose });
    }
    // What was changed by hand since it was read: the next pass decides. Closing does not wait for it.
    const [meanwhile, written] = partition(ours, (entry) => fresh.has(entryKey(entry)));
    const kept = keptKeys(written, fresh);
    await put(config, { written: written.filter((entry) => !kept.has(entryKey(entry))), kept }, signal);
    known = byKey(written);
    // What is gone may be somebody else's next: only names that still have a rule of ours stay ours without a mark.
    const there = new Set(live.map(({ key }) => hostnameOfKey(key)));
    owned = new Set([...owned].filter((hostname) => there.has(hostname)));
    return [...away, ...meanwhile];
  }

  async function put(
    config: TunnelConfiguration,
    { written, kept }: { readonly written: readonly IngressEntry[]; readonly kept: ReadonlySet<string> },
    signal: AbortSignal,
  ): Promise<void> {
    const merged = mergeConfiguration(config, written, isOurs, kept);
    if (merged === config) return;
    // Before it is sent: should we die now, both what was there and what comes are ours.
    remember(underWay(remembered, { live, written, kept }));
    const target = { account: options.account, tunnelId: options.tunnelId };
    const answer = await options.api.configurations.put(target, merged, signal);
    look(merged, wanted);
    // The API may keep a rule in other words than it was sent: both are ours.
    const answered = liveRules(allRules(answer.config ?? merged), isOurs, wanted);
    settleRules(written, answered, false);
  }

  function settleRules(written: readonly IngressEntry[], answered: readonly LiveRule[], isFinal: boolean): void {
    if (memory === undefined) return;
    for (const decision of decided(choices, { drifts, live, wanted, isFinal })) done.set(decision.key, decision);
    remember(newlyRemembered({ remembered, live, answered, written, wanted, hands, drifts, isOurs }));
    hands = new Map(
      [...hands.keys()].flatMap((key) => {
        const hand = remembered.get(key)?.hand;
        return hand === undefined ? [] : [[key, hand] as const];
      }),
    );
    drifts = decideDrifts({ hands, wanted, choiceFor: choose });
  }

  function remember(next: Remembered): void {
    if (memory === undefined || isDeepStrictEqual(next, remembered)) return;
    remembered = next;
    memory.save(next);
  }

  /** Rules that stay exactly as they are, where they are: written by hand and left or taken. */
  function keptKeys(written: readonly IngressEntry[], fresh: Hands): ReadonlySet<string> {
    const now = new Map(live.map((found) => [found.key, formOf(found.rule)]));
    const same = written.filter((entry) => {
      const drift = drifts.get(entryKey(entry));
      return drift !== undefined && !isPutRight(drift) && isSameForm(now.get(drift.key) ?? null, formOf(entry.rule));
    });
    return new Set([...fresh.keys(), ...same.map(entryKey)]);
  }

  function look(config: TunnelConfiguration, order: readonly IngressEntry[]): void {
    live = liveRules(allRules(config), isOurs, order);
  }

  async function getConfig(signal: AbortSignal): Promise<TunnelConfiguration> {
    const { config, source } = await options.api.configurations.get(options.account, options.tunnelId, signal);
    return (options.writtenOnly === true && source === 'local' ? undefined : config) ?? {};
  }

  /**
   * Of the hostnames of `wanted`: takes as ours those that were adopted, that we wrote before, and those where that takes nothing from
   * anybody, because the rules are so equal to what we want that nothing changes. Returns the others, which somebody else has.
   */
  function claim(
    config: TunnelConfiguration,
    entries: readonly IngressEntry[],
    marked: Iterable<string>,
  ): ReadonlySet<string> {
    const { isAdopted, isReleased: isGiven } = nameDecisions(choices);
    const present = rulesByHostname(config);
    const written = new Set([...remembered.keys()].map(hostnameOfKey));
    const ours = new Set([...owned, ...marked].filter((hostname) => !isGiven(hostname)));
    const foreign = new Set<string>();
    for (const [hostname, group] of Map.groupBy(entries, hostnameOf)) {
      const rules = present.get(hostname);
      const isFree = ours.has(hostname) || options.exclusive === true || isAdopted(hostname) || written.has(hostname);
      if (isGiven(hostname)) foreign.add(hostname);
      else if (rules === undefined) continue;
      else if (isFree || areEqual(rules, group)) ours.add(hostname);
      else foreign.add(hostname);
    }
    owned = ours;
    return foreign;
  }

  return {
    read,
    write,
    isReleased,
    drifts: () => [...drifts.values()],
    effective,
    settle() {
      // Where nothing could be read, nothing is known to be done.
      if (!isRead) return;
      settleRules([], live, true);
      if (done.size > 0) options.onDecided?.([...done.values()]);
      done.clear();
    },
  };
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
