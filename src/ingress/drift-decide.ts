// What becomes of rules that were changed by hand: left, closed, taken or put right, as was decided and as far as it is safe. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { DriftChoice } from '../choices.ts';
import type { IngressEntry, ServiceId } from '../model.ts';
import { closedService, closeEntry, entryKey } from './closing.ts';
import {
  type DriftField,
  formOf,
  type HandEdit,
  type Hands,
  hostnameOfKey,
  isSameForm,
  type RuleForm,
} from './drift.ts';
import { addressOf, danger, isSharedHost, serviceAt, withHost } from './drift-address.ts';

/** One rule of ours that is not as we wrote it. */
export interface Drift {
  /** `hostname path`, the path empty for the whole host. */
  readonly key: string;
  readonly kind: 'changed' | 'added' | 'deleted' | 'moved';
  readonly fields: readonly DriftField[];
  /** The entry the rule belongs to: ours where we want one, else the one whose hostname it is under. */
  readonly entry: IngressEntry;
  readonly theirs: RuleForm | undefined;
  readonly ours: RuleForm | undefined;
  readonly choice: DriftChoice | undefined;
  /** "theirs" was chosen and something else is wanted since: ours is written again. */
  readonly isOver: boolean;
  /** What is to be there; undefined for no rule. */
  readonly effective: IngressEntry | undefined;
  /** Why it answers 503 although somebody wrote something else. */
  readonly closed: string | undefined;
  /** The other service of ours it leads to. */
  readonly leadsTo: ServiceId | undefined;
  readonly hand: HandEdit;
}

/** What is decided from. */
export interface DecideInput {
  readonly hands: Hands;
  readonly wanted: readonly IngressEntry[];
  choiceFor(key: string): DriftChoice | undefined;
}

/** Every change by hand under a hostname that is wanted. */
export function decideDrifts(input: DecideInput): ReadonlyMap<string, Drift> {
  const byKey = new Map(input.wanted.map((entry) => [entryKey(entry), entry]));
  const byHost = Map.groupBy(input.wanted, (entry) => entry.rule.hostname.toLowerCase());
  const drifts = new Map<string, Drift>();
  for (const [key, hand] of input.hands) {
    const host = byHost.get(hostnameOfKey(key)) ?? [];
    const own = byKey.get(key);
    const under = own ?? host.find((entry) => (entry.rule.path ?? '') === '') ?? host[0];
    if (under === undefined || (own === undefined && hand.form === null)) continue;
    const drift = decide({ key, hand, own, under }, input);
    if (drift !== undefined) drifts.set(key, drift);
  }
  return drifts;
}

/** Whether the rule is put back as we want it. */
export function isPutRight(drift: Drift): boolean {
  return drift.choice === 'mine' || drift.isOver;
}

/** What is wanted with what was written by hand in its place, wherever that is left or taken. */
export function withDrifts(
  wanted: readonly IngressEntry[],
  drifts: ReadonlyMap<string, Drift>,
): readonly IngressEntry[] {
  if (drifts.size === 0) return wanted;
  const added = [...drifts.values()].filter((drift) => drift.kind === 'added' && drift.effective !== undefined);
  const ours = wanted.flatMap((entry) => {
    const drift = drifts.get(entryKey(entry));
    const kept = drift === undefined ? entry : drift.effective;
    const { hostname } = entry.rule;
    // Longer paths first and a whole host last, as everywhere; where they really stand is kept when they are written.
    const before = added.filter(
      (one) => one.effective?.rule.path !== undefined && isFirstOf(entry, hostname, wanted) && isUnder(one, hostname),
    );
    const after = added.filter(
      (one) => one.effective?.rule.path === undefined && isLastOf(entry, hostname, wanted) && isUnder(one, hostname),
    );
    return [...before.map((one) => one.effective), kept, ...after.map((one) => one.effective)];
  });
  return ours.filter((entry) => entry !== undefined);
}

interface Place {
  readonly key: string;
  readonly hand: HandEdit;
  readonly own: IngressEntry | undefined;
  readonly under: IngressEntry;
}

function decide({ key, hand, own, under }: Place, input: DecideInput): Drift | undefined {
  const choice = input.choiceFor(key);
  const basis = basisOf(own);
  const isOver = choice === 'theirs' && hand.basis !== undefined && basis !== undefined && hand.basis !== basis;
  const kind = kindOf(hand, own);
  const ours = own === undefined ? undefined : formOf(own.rule);
  const kept = keptBasis(hand, choice, basis);
  const drift = { key, kind, fields: hand.fields, entry: under, ours, choice, isOver, hand: kept };
  if (hand.form === null) {
    const effective = choice === 'mine' || isOver ? own : undefined;
    return { ...drift, theirs: undefined, effective, closed: undefined, leadsTo: undefined };
  }
  const entry = byHand({ key, hand, own, under }, hand.form);
  if (kind !== 'moved' && isSameForm(formOf(entry.rule), ours ?? null)) return undefined;
  const found = { ...drift, theirs: formOf(entry.rule), leadsTo: serviceAt(entry, input.wanted) };
  // A stopped service answers 503; what was written by hand comes back with it.
  if (choice === 'mine' || isOver || own?.rule.service === closedService)
    return { ...found, effective: own, closed: undefined };
  const closed = droppedCheck(own, entry) ?? danger({ entry, owners: hand.owners, wanted: input.wanted });
  return { ...found, effective: closed === undefined ? entry : closeEntry(entry), closed };
}

function kindOf(hand: HandEdit, own: IngressEntry | undefined): Drift['kind'] {
  if (hand.form === null) return 'deleted';
  if (own === undefined) return 'added';
  return hand.fields.every((field) => field === 'order') ? 'moved' : 'changed';
}

/** What was not changed by hand follows what we want: an address that moves is followed, also within an address that was written by hand. */
function byHand({ key, hand, own, under }: Place, form: RuleForm): IngressEntry {
  const changed = new Set(hand.fields);
  const isOwn = own !== undefined && !changed.has('rule');
  const service = isOwn && !changed.has('service') ? own.rule.service : follow(form, hand, own ?? under);
  const originRequest = isOwn && !changed.has('originRequest') ? own.rule.originRequest : form.originRequest;
  const path = key.slice(key.indexOf(' ') + 1);
  const rule = {
    hostname: hostnameOfKey(key),
    ...(path === '' ? {} : { path }),
    service,
    ...(originRequest === undefined ? {} : { originRequest }),
  };
  return own === undefined ? { ...under, plugin: '', explicit: false, rule } : { ...own, rule };
}

/** A service's own address that was written by hand, perhaps with another port, moves when the service does. */
function follow(form: RuleForm, hand: HandEdit, own: IngressEntry): string {
  const there = addressOf(form);
  const now = addressOf(own.rule);
  if (there === undefined || now === undefined || !hand.owners.includes(own.serviceId)) return form.service;
  if (there.host === now.host || isSharedHost(there) || now.host.startsWith('unix:')) return form.service;
  return withHost(form.service, now.host);
}

/** The connector's own check of a login is part of the lock: no hand opens it. */
function droppedCheck(own: IngressEntry | undefined, entry: IngressEntry): string | undefined {
  const wanted = own?.rule.originRequest?.access;
  if (wanted?.required !== true || isDeepStrictEqual(wanted, entry.rule.originRequest?.access)) return undefined;
  return 'it drops originRequest.access, with which the connector checks logins';
}

function keptBasis(hand: HandEdit, choice: DriftChoice | undefined, basis: string | undefined): HandEdit {
  const { basis: before, ...bare } = hand;
  const kept = choice === 'theirs' ? (before ?? basis) : undefined;
  return kept === undefined ? bare : { ...bare, basis: kept };
}

/** What a person wants of the rule, without the address that a container happens to have; undefined while the service is stopped. */
function basisOf(own: IngressEntry | undefined): string | undefined {
  if (own === undefined) return 'none';
  if (own.rule.service === closedService) return undefined;
  const at = addressOf(own.rule);
  const isPassing = own.serviceId.startsWith('docker/') && at?.isIp === true;
  const service = isPassing ? withHost(own.rule.service, '0.0.0.0') : own.rule.service;
  return JSON.stringify([own.serviceId, service, own.rule.originRequest ?? {}, own.access]);
}

function isUnder(drift: Drift, hostname: string): boolean {
  return hostnameOfKey(drift.key) === hostname.toLowerCase();
}

function isFirstOf(entry: IngressEntry, hostname: string, all: readonly IngressEntry[]): boolean {
  return all.find((one) => one.rule.hostname === hostname) === entry;
}

function isLastOf(entry: IngressEntry, hostname: string, all: readonly IngressEntry[]): boolean {
  return all.findLast((one) => one.rule.hostname === hostname) === entry;
}
