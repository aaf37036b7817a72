// What is remembered of rules before and after a write, and which decisions are carried out by it. Pure.
import type { Choices, DriftChoice } from '../choices.ts';
import type { IngressEntry } from '../model.ts';
import { closedService, entryKey } from './closing.ts';
import {
  findHands,
  formOf,
  type HandEdit,
  type HandInput,
  type Hands,
  hostnameOfKey,
  isSameForm,
  type LiveRule,
  type Remembered,
  type RememberedRule,
  type RuleForm,
} from './drift.ts';
import { type Drift, isPutRight } from './drift-decide.ts';

/** A decision about drift, by the key it has among the choices. */
export interface Decision {
  readonly key: string;
  readonly choice: DriftChoice;
}

/** The decision for a rule: its own, else its hostname's. */
export function choiceFor({ drift }: Pick<Choices, 'drift'>, key: string): DriftChoice | undefined {
  const own = governing({ drift }, key);
  return own === undefined ? undefined : drift[own];
}

function governing({ drift }: Pick<Choices, 'drift'>, key: string): string | undefined {
  return [key.trimEnd(), hostnameOfKey(key)].find((name) => Object.hasOwn(drift, name));
}

/** The choices without these decisions, where they are still the same. */
export function withoutDecisions(choices: Choices, decisions: readonly Decision[]): Choices {
  const gone = new Map(decisions.map(({ key, choice }) => [key, choice]));
  const drift = Object.fromEntries(Object.entries(choices.drift).filter(([key, choice]) => gone.get(key) !== choice));
  return { ...choices, drift };
}

/** What was changed by hand since the rules were read for the plan; not what is to be closed. */
export function freshHands(
  input: HandInput & { readonly hands: Hands; readonly entries: readonly IngressEntry[] },
): Hands {
  const entries = new Map(input.entries.map((entry) => [entryKey(entry), entry]));
  const hosts = new Set([...entries.keys()].map(hostnameOfKey));
  const now = new Map(input.live.map((found) => [found.key, formOf(found.rule)]));
  const isFresh = (key: string, form: RuleForm | null): boolean => {
    const before = input.hands.get(key);
    if (before !== undefined && isSameForm(before.form, form)) return false;
    if (!hosts.has(hostnameOfKey(key)) || input.choiceFor(key) === 'mine') return false;
    const entry = entries.get(key);
    if (entry?.rule.service === closedService) return false;
    // As it was left at the last look, closed or followed by us: an earlier hand's work, not a new one.
    const written = input.remembered.get(key)?.written ?? [];
    if (written.some((one) => isSameForm(one, form))) return false;
    return !isSameForm(form, entry === undefined ? null : formOf(entry.rule));
  };
  const found = findHands(input);
  return new Map(
    [...found].filter(([key, { fields }]) => !fields.includes('order') && isFresh(key, now.get(key) ?? null)),
  );
}

/** A write that is about to be sent. */
export interface Sending {
  readonly live: readonly LiveRule[];
  readonly written: readonly IngressEntry[];
  readonly kept: ReadonlySet<string>;
}

/** At most this many forms of one rule are remembered while writes keep failing. */
const maxForms = 8;

/** What to remember while it is not known whether a write was made: what was there, and what comes. */
export function underWay(remembered: Remembered, { live, written, kept }: Sending): Remembered {
  const now = new Map(live.map((found) => [found.key, formOf(found.rule)]));
  const next = new Map(written.map((entry) => [entryKey(entry), entry]));
  const result = new Map(remembered);
  for (const key of new Set([...now.keys(), ...next.keys()])) {
    if (kept.has(key)) continue;
    const entry = next.get(key);
    const before = remembered.get(key);
    const form = entry === undefined ? null : formOf(entry.rule);
    const forms = distinct([...(before?.written ?? [now.get(key) ?? null]), form]).slice(-maxForms);
    const serviceId = before?.serviceId ?? entry?.serviceId;
    if (serviceId !== undefined) result.set(key, { ...before, serviceId, written: forms });
  }
  return result;
}

/** What is known once rules are as they are to be. */
export interface Settling {
  readonly remembered: Remembered;
  readonly live: readonly LiveRule[];
  /** The same as the API answered it. */
  readonly answered: readonly LiveRule[];
  readonly written: readonly IngressEntry[];
  readonly wanted: readonly IngressEntry[];
  readonly hands: Hands;
  readonly drifts: ReadonlyMap<string, Drift>;
  isOurs(hostname: string): boolean;
}

/** What to remember of the rules as they are now. */
export function newlyRemembered(input: Settling): Remembered {
  const now = new Map(input.live.map((found) => [found.key, formOf(found.rule)]));
  const answered = new Map(input.answered.map((found) => [found.key, formOf(found.rule)]));
  const written = new Map(input.written.map((entry) => [entryKey(entry), entry]));
  const wanted = new Map(input.wanted.map((entry) => [entryKey(entry), entry]));
  const hosts = new Set([...wanted.keys()].map(hostnameOfKey));
  const result = new Map<string, RememberedRule>();
  for (const key of new Set([...input.remembered.keys(), ...now.keys()])) {
    const form = now.get(key) ?? null;
    const rule = remember(
      {
        key,
        form,
        answered: answered.get(key) ?? form,
        entry: written.get(key),
        want: wanted.get(key),
        isWanted: hosts.has(hostnameOfKey(key)),
      },
      input,
    );
    if (rule !== undefined) result.set(key, rule);
  }
  return result;
}

interface Settled {
  readonly key: string;
  readonly form: RuleForm | null;
  readonly answered: RuleForm | null;
  /** What was just written there. */
  readonly entry: IngressEntry | undefined;
  readonly want: IngressEntry | undefined;
  /** Somebody wants the hostname. */
  readonly isWanted: boolean;
}

function remember(
  { key, form, answered, entry, want, isWanted }: Settled,
  input: Settling,
): RememberedRule | undefined {
  if (!input.isOurs(hostnameOfKey(key)) && want === undefined) return undefined;
  const before = input.remembered.get(key);
  const drift = input.drifts.get(key);
  const serviceId = entry?.serviceId ?? want?.serviceId ?? before?.serviceId ?? drift?.entry.serviceId;
  if (serviceId === undefined) return undefined;
  const isOurForm =
    entry !== undefined ||
    (before?.written.some((one) => isSameForm(one, form)) ?? false) ||
    (want !== undefined && isSameForm(form, formOf(want.rule)));
  const hand = handToKeep({ key, form, isWanted }, input);
  const kept =
    hand === undefined ? {} : { hand: entry === undefined ? hand : ({ ...hand, isReplaced: true } as const) };
  if (isOurForm) {
    if (form === null && hand === undefined) return undefined;
    return { serviceId, written: distinct([form, answered]), ...kept };
  }
  if (hand === undefined && form === null) return undefined;
  // What somebody else wrote there is not what we wrote; where it counts for nothing, it is not written over yet.
  return hand === undefined ? before : { written: [null], ...before, serviceId, ...kept };
}

/** A change by hand is remembered until our rule is there again, and while nobody wants its name. */
function handToKeep(
  { key, form, isWanted }: Pick<Settled, 'key' | 'form' | 'isWanted'>,
  { drifts, hands }: Settling,
): HandEdit | undefined {
  const drift = drifts.get(key);
  if (drift !== undefined) return isPutRight(drift) && isSameForm(form, drift.ours ?? null) ? undefined : drift.hand;
  return isWanted || form === null ? undefined : hands.get(key);
}

/** Decisions that are carried out: "mine" where our rule is there, "theirs" where something else was wanted since. */
export function decided(
  choices: Pick<Choices, 'drift'>,
  world: {
    readonly drifts: ReadonlyMap<string, Drift>;
    readonly live: readonly LiveRule[];
    readonly wanted: readonly IngressEntry[];
    /** Everything was read and done: what a decision does not find is not there. */
    readonly isFinal: boolean;
  },
): readonly Decision[] {
  const now = new Map(world.live.map((found) => [found.key, formOf(found.rule)]));
  const hosts = new Set(world.wanted.map((entry) => entry.rule.hostname.toLowerCase()));
  const isDone = (drift: Drift) => isPutRight(drift) && isSameForm(now.get(drift.key) ?? null, drift.ours ?? null);
  return Object.entries(choices.drift).flatMap(([key, choice]): Decision[] => {
    const governed = [...world.drifts.values()].filter((drift) => governing(choices, drift.key) === key);
    const isOver = governed.length > 0 ? choice !== 'ignore' : choice === 'mine' && world.isFinal;
    const isKnown = hosts.has(key.split(' ', 1)[0] ?? '');
    return isOver && isKnown && governed.every(isDone) ? [{ key, choice }] : [];
  });
}

function distinct(forms: readonly (RuleForm | null)[]): readonly (RuleForm | null)[] {
  return forms.filter((form, at) => forms.findIndex((other) => isSameForm(form, other)) === at);
}
