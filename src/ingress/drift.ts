// Rules of ours that somebody changed by hand: found by what we remember writing. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { DriftChoice } from '../choices.ts';
import type { IngressEntry, OriginRequest, ServiceId } from '../model.ts';
import { closedService, entryKey } from './closing.ts';
import { addressOf, entriesAt, isLoopback, isSharedHost, type RuleAddress } from './drift-address.ts';

/** What of a rule is compared beside its place: where it leads and how. */
export interface RuleForm {
  readonly service: string;
  readonly originRequest?: OriginRequest;
}

/** What was done by hand to a rule: `rule` is that there is one, or none; `order` that another above it takes its requests. */
export type DriftField = 'rule' | 'service' | 'originRequest' | 'order';

/** A change by hand, as it is remembered until it is decided about or made undone. */
export interface HandEdit {
  /** As it was written by hand; null where the rule was deleted. */
  readonly form: RuleForm | null;
  readonly fields: readonly DriftField[];
  /** Whose address it led to when it was first seen; none for an address that is nobody's of ours. */
  readonly owners: readonly ServiceId[];
  /** What was wanted when "theirs" was chosen: the choice ends when something else is wanted. */
  readonly basis?: string;
  /** We wrote something in its place: closed it, or moved it with its service. */
  readonly isReplaced?: true;
}

/** What is remembered of one rule of ours. */
export interface RememberedRule {
  readonly serviceId: ServiceId;
  /** What the API may have from us: more than one while a write is under way; null for no rule. The last is the newest. */
  readonly written: readonly (RuleForm | null)[];
  readonly hand?: HandEdit;
}

/** Rules by `hostname path`. */
export type Remembered = ReadonlyMap<string, RememberedRule>;

/** Changes by hand by `hostname path`. */
export type Hands = ReadonlyMap<string, HandEdit>;

/** What changes by hand are found in. */
export interface HandInput {
  /** Rules under our hostnames, each with everything that is tried before it. */
  readonly live: readonly LiveRule[];
  readonly wanted: readonly IngressEntry[];
  readonly remembered: Remembered;
  choiceFor(key: string): DriftChoice | undefined;
}

/** One rule in the tunnel. */
export interface LiveRule {
  readonly key: string;
  readonly rule: IngressEntry['rule'];
  /** A rule above it takes all its requests. */
  readonly isShadowed: boolean;
}

/** Two forms that make a connector do the same. */
export function isSameForm(a: RuleForm | null, b: RuleForm | null): boolean {
  if (a === null || b === null) return a === b;
  return a.service === b.service && isDeepStrictEqual(a.originRequest ?? {}, b.originRequest ?? {});
}

/** The form of a rule. */
export function formOf({ service, originRequest }: IngressEntry['rule']): RuleForm {
  return originRequest === undefined || Object.keys(originRequest).length === 0
    ? { service }
    : { service, originRequest };
}

/** The hostname of a `hostname path`. */
export function hostnameOfKey(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

/** What was changed by hand, newly or earlier. A hostname of which nothing is remembered has none, unless its rules were decided about. */
export function findHands(input: HandInput): Hands {
  const live = new Map(input.live.map((found) => [found.key, found]));
  const wanted = new Map(input.wanted.map((entry) => [entryKey(entry), entry]));
  const knownHosts = new Set([...input.remembered.keys()].map(hostnameOfKey));
  const wantedHosts = new Set([...wanted.keys()].map(hostnameOfKey));
  const hands = new Map<string, HandEdit>();
  for (const key of new Set([...live.keys(), ...wanted.keys(), ...input.remembered.keys()])) {
    const found = live.get(key);
    const seen = { key, found, want: wanted.get(key), before: input.remembered.get(key) };
    const isKnown = knownHosts.has(hostnameOfKey(key));
    const isWanted = wantedHosts.has(hostnameOfKey(key));
    const hand = isKnown ? handOf(seen, input) : isWanted ? unremembered(seen, input) : undefined;
    if (hand !== undefined) hands.set(key, hand);
  }
  return hands;
}

interface Seen {
  readonly key: string;
  readonly found: LiveRule | undefined;
  readonly want: IngressEntry | undefined;
  readonly before: RememberedRule | undefined;
}

function handOf({ key, found, want, before }: Seen, input: HandInput): HandEdit | undefined {
  const form = found === undefined ? null : formOf(found.rule);
  const written = before?.written ?? [null];
  if (written.some((one) => isSameForm(one, form))) return unchanged(before?.hand, found);
  if (isSameForm(form, want === undefined ? null : formOf(want.rule))) return undefined;
  if (isOthers(before, want) && input.choiceFor(key) !== 'ignore') return undefined;
  const hand = before?.hand;
  if (hand !== undefined && isSameForm(hand.form, form)) return asFound(hand);
  const fields = changedFields(written.at(-1) ?? null, form);
  const earlier =
    form === null ? [] : (hand?.fields ?? []).filter((field) => field !== 'order' && !fields.includes(field));
  const basis = hand?.basis === undefined ? {} : { basis: hand.basis };
  return { form, fields: [...fields, ...earlier], owners: ownersOf(form, input), ...basis };
}

function asFound({ isReplaced: _, ...hand }: HandEdit): HandEdit {
  return hand;
}

/** As we wrote it: a change by hand that we replaced still counts, any other was taken back; and its place may have been taken. */
function unchanged(hand: HandEdit | undefined, found: LiveRule | undefined): HandEdit | undefined {
  if (hand?.isReplaced === true && hand.fields.some((field) => field !== 'order')) return hand;
  if (found?.isShadowed !== true || found.rule.service === closedService) return undefined;
  const basis = hand?.basis === undefined ? {} : { basis: hand.basis };
  return { form: formOf(found.rule), fields: ['order'], owners: [], ...basis };
}

/** The name went to another service: what was written by hand was for the one before. */
function isOthers(before: RememberedRule | undefined, want: IngressEntry | undefined): boolean {
  return before !== undefined && want !== undefined && before.serviceId !== want.serviceId;
}

/**
 * Without memory only a decision tells a hand's work from an old rule of ours. An IP address that no service has now may be one that
 * a container left behind: nobody vouches for it.
 */
function unremembered({ key, found, want }: Seen, input: HandInput): HandEdit | undefined {
  const choice = input.choiceFor(key);
  if (found === undefined || (choice !== 'ignore' && choice !== 'theirs')) return undefined;
  const form = formOf(found.rule);
  if (want !== undefined && isSameForm(form, formOf(want.rule))) return undefined;
  const at = addressOf(form);
  const owners = ownersOf(form, input);
  if (at?.isIp === true && !isLoopback(at.host) && owners.length === 0) return undefined;
  return { form, fields: want === undefined ? ['rule'] : ['service', 'originRequest'], owners };
}

function changedFields(before: RuleForm | null, now: RuleForm | null): readonly DriftField[] {
  if (before === null || now === null) return ['rule'];
  const fields: DriftField[] = [];
  if (before.service !== now.service) fields.push('service');
  if (!isDeepStrictEqual(before.originRequest ?? {}, now.originRequest ?? {})) fields.push('originRequest');
  return fields;
}

/**
 * Whose address this is. A container's own may be another's by now: what we remember routing to was true when somebody could look it
 * up, so it comes before what is wanted now.
 */
function ownersOf(form: RuleForm | null, { wanted, remembered }: HandInput): readonly ServiceId[] {
  const at = form === null ? undefined : addressOf(form);
  if (at === undefined) return [];
  const now = entriesAt(wanted, at.host).map(({ serviceId, rule }) => ({ serviceId, at: addressOf(rule) }));
  const past = isSharedHost(at) ? [] : (placesOf(remembered).get(at.host) ?? []);
  for (const near of [past, now]) {
    const exact = near.filter((one) => one.at?.port === at.port);
    const owners = (exact.length > 0 ? exact : near).map((one) => one.serviceId);
    if (owners.length > 0) return [...new Set(owners)];
  }
  return [];
}

interface Place {
  readonly serviceId: ServiceId;
  readonly at: RuleAddress | undefined;
}

const places = new WeakMap<Remembered, ReadonlyMap<string, readonly Place[]>>();

/** Where we remember routing to, by host. */
function placesOf(remembered: Remembered): ReadonlyMap<string, readonly Place[]> {
  const known = places.get(remembered);
  if (known !== undefined) return known;
  const all = [...remembered.values()].flatMap(({ serviceId, written }): readonly Place[] =>
    written.map((one) => ({ serviceId, at: one === null ? undefined : addressOf(one) })),
  );
  const byHost = Map.groupBy(all, (place) => place.at?.host ?? '');
  places.set(remembered, byHost);
  return byHost;
}

/** The rules of our hostnames, each once: what stands second is never reached. `isOurs` says which, `order` is how ours are wanted. */
export function liveRules(
  rules: readonly IngressEntry['rule'][],
  isOurs: (hostname: string) => boolean,
  order: readonly IngressEntry[],
): readonly LiveRule[] {
  const rank = new Map(order.map((entry, at) => [entryKey(entry), at]));
  const found = new Map<string, LiveRule>();
  const whole = new Set<string>();
  const last = new Map<string, number>();
  for (const rule of rules) {
    const hostname = rule.hostname.toLowerCase();
    const key = `${hostname} ${rule.path ?? ''}`;
    const own = rank.get(key);
    const isBehind = own !== undefined && own < (last.get(hostname) ?? -1);
    if (hostname !== '' && isOurs(hostname) && !found.has(key))
      found.set(key, { key, rule, isShadowed: isBehind || isTaken(hostname, whole) });
    if (own !== undefined) last.set(hostname, Math.max(own, last.get(hostname) ?? -1));
    if ((rule.path ?? '') === '') whole.add(hostname);
  }
  return [...found.values()];
}

/** Whether one of these patterns takes every request for the name. */
function isTaken(hostname: string, patterns: ReadonlySet<string>): boolean {
  if (patterns.has('') || patterns.has('*') || patterns.has(hostname)) return true;
  for (let dot = hostname.indexOf('.'); dot !== -1; dot = hostname.indexOf('.', dot + 1))
    if (patterns.has(`*${hostname.slice(dot)}`)) return true;
  return false;
}
