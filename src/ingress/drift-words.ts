// A rule that was changed by hand, as a person reads of it: in the plan, beside its service, in the log. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { Change, Diagnostic, HeldChange, IngressEntry } from '../model.ts';
import type { RuleForm } from './drift.ts';
import { hostnameOfKey } from './drift.ts';
import type { Drift } from './drift-decide.ts';
import { shownUrl } from './shown-url.ts';

/** One drift for a list, everything in it shown as it may be shown. */
export interface DriftStatus {
  readonly hostname: string;
  readonly path?: string;
  readonly serviceId: string;
  readonly kind: Drift['kind'];
  /** `service: theirs → ours`, one line per field. */
  readonly differences: readonly string[];
  readonly choice?: Drift['choice'];
  /** Why it answers 503 in spite of what was written by hand. */
  readonly closed?: string;
  /** The other service of ours it leads to. */
  readonly leadsTo?: string;
  readonly theirs?: RuleForm;
  readonly ours?: RuleForm;
}

/** The drift for a list. */
export function driftStatus(drift: Drift): DriftStatus {
  const path = pathOf(drift);
  return {
    hostname: hostnameOfKey(drift.key),
    ...(path === '' ? {} : { path }),
    serviceId: drift.entry.serviceId,
    kind: drift.kind,
    differences: differences(drift),
    ...(drift.choice === undefined ? {} : { choice: drift.choice }),
    ...(drift.closed === undefined ? {} : { closed: drift.closed }),
    ...(drift.leadsTo === undefined ? {} : { leadsTo: drift.leadsTo }),
    ...(drift.theirs === undefined ? {} : { theirs: shownForm(drift.theirs) }),
    ...(drift.ours === undefined ? {} : { ours: shownForm(drift.ours) }),
  };
}

/** What of the plan waits for a person: the change that would make the rule ours again. */
export function heldDrift(drift: Drift, live: IngressEntry | undefined): HeldChange<IngressEntry> | undefined {
  const change = changeOf(drift, live);
  return change === undefined ? undefined : { change, reason: `${whatHappened(drift)}; ${howToDecide(drift)}` };
}

/** The finding beside the service: a warning until somebody decided, a remark afterwards. */
export function driftFinding(drift: Drift): Diagnostic {
  const isDecided = drift.choice !== undefined && drift.closed === undefined;
  return {
    severity: isDecided ? 'info' : 'warning',
    code: 'W_DRIFT',
    message: `the rule for ${nameOf(drift)} ${whatHappened(drift)}`,
    hint: howToDecide(drift),
    serviceId: drift.entry.serviceId,
  };
}

/** `a.example.com` or `a.example.com with path ^/api`. */
export function nameOf(drift: Drift): string {
  const path = pathOf(drift);
  return path === '' ? hostnameOfKey(drift.key) : `${hostnameOfKey(drift.key)} with path ${path}`;
}

function pathOf({ key }: Drift): string {
  return key.slice(key.indexOf(' ') + 1);
}

/** As it would have to be put in the plan; an added rule is one to delete. */
function changeOf(drift: Drift, live: IngressEntry | undefined): Change<IngressEntry> | undefined {
  const { entry } = drift;
  if (drift.kind === 'added')
    return live === undefined ? undefined : { action: 'delete', serviceId: entry.serviceId, current: live };
  if (live === undefined) return { action: 'create', serviceId: entry.serviceId, desired: entry };
  return { action: 'update', serviceId: entry.serviceId, current: live, desired: entry, fields: drift.fields };
}

function whatHappened(drift: Drift): string {
  const what = `${verb(drift)}${differences(drift).length === 0 ? '' : ` (${differences(drift).join(', ')})`}`;
  if (drift.closed !== undefined) return `${what} and answers 503, because ${drift.closed}`;
  return `${what}${drift.leadsTo === undefined ? '' : `, leads to ${drift.leadsTo}`} and ${state(drift)}`;
}

function verb({ kind }: Drift): string {
  switch (kind) {
    case 'added':
      return 'was added by hand';
    case 'deleted':
      return 'was deleted by hand';
    case 'moved':
      return 'was moved by hand, or something above it takes its requests,';
    case 'changed':
      return 'was changed by hand';
  }
}

function state({ choice, ours, kind }: Drift): string {
  if (kind !== 'added' && ours?.service === 'http_status:503') return 'waits for its stopped service';
  if (choice === 'theirs') return 'is served like that, as you decided';
  if (choice === 'ignore') return 'is left alone, as you decided';
  return kind === 'deleted' ? 'stays out' : 'is left as it is';
}

/** `a → b` for every field that differs: what is there, then what we would write. */
function differences({ theirs, ours }: Drift): readonly string[] {
  if (theirs === undefined) return ours === undefined ? [] : [`rule: none → ${shownUrl(ours.service)}`];
  if (ours === undefined) return [`rule: ${shownUrl(theirs.service)} → none`];
  const service =
    theirs.service === ours.service ? [] : [`service: ${shownUrl(theirs.service)} → ${shownUrl(ours.service)}`];
  const theirOptions = new Map<string, unknown>(Object.entries(theirs.originRequest ?? {}));
  const ourOptions = new Map<string, unknown>(Object.entries(ours.originRequest ?? {}));
  const options = [...new Set([...theirOptions.keys(), ...ourOptions.keys()])]
    .filter((key) => !isDeepStrictEqual(theirOptions.get(key), ourOptions.get(key)))
    .map((key) => `originRequest.${key}: ${shown(theirOptions.get(key))} → ${shown(ourOptions.get(key))}`);
  return [...service, ...options];
}

function shown(value: unknown): string {
  return value === undefined ? 'not set' : JSON.stringify(value).slice(0, 100);
}

function shownForm(form: RuleForm): RuleForm {
  return { ...form, service: shownUrl(form.service) };
}

function howToDecide(drift: Drift): string {
  const path = pathOf(drift);
  const name = `${hostnameOfKey(drift.key)}${path === '' ? '' : ` --path '${path}'`}`;
  if (drift.choice !== undefined) return `to have ours again: sallyport drift keep ${name}`;
  return `decide with sallyport drift keep ${name} (ours again), take (theirs is served) or ignore (left alone)`;
}
