// What differs between the records of our zones and the ones we want, name by name. Pure.
import type { NameDecisions } from '../adoption.ts';
import type { Change, Diagnostic, DnsRecord, HeldChange, Plan, ServiceId } from '../model.ts';
import { conflict, obstacle, released, relinquished } from './findings.ts';
import { isSameMark, parseMark } from './ownership.ts';
import { canonicalName, isOurs } from './records.ts';
import { isRegistryMark, registryName } from './txt-registry.ts';
import {
  type Claim,
  claimRecord,
  type MarkForm,
  nameKey,
  textOf,
  type ZoneName,
  type ZoneNames,
  type ZoneRecord,
} from './zone-names.ts';

/** What decides beside reality and the desired state. */
export interface RecordRules extends NameDecisions {
  /** Our id. */
  readonly owner: string;
  /** Where marks are kept from now on; those kept the other way are ours as well. */
  readonly form: MarkForm;
  /** What records of ours point at: one that points elsewhere was changed by somebody. Not known: any tunnel. */
  readonly tunnelTarget: string | undefined;
}

/** A plan, and what it has to tell. */
export interface RecordPlan {
  readonly plan: Plan<ZoneRecord>;
  readonly findings: readonly Diagnostic[];
}

/** What is planned for one name. */
interface NamePlan {
  readonly changes?: readonly Change<ZoneRecord>[];
  readonly held?: readonly HeldChange<ZoneRecord>[];
  readonly findings?: readonly Diagnostic[];
}

/** The service of a record that is for none. */
export const nobody: ServiceId = 'dns/record';

/**
 * The plan for every name that is wanted or carries a mark of ours:
 *
 * | the name has | wanted | not wanted |
 * |---|---|---|
 * | nothing | create | – |
 * | our record | update what differs | delete; take only our mark off when it points elsewhere |
 * | somebody else's record or claim | hold; when adopted, take over | – |
 * | anything, and was released | take our mark off, hold | take our mark off |
 */
export function planRecords(zones: ZoneNames, desired: readonly DnsRecord[], rules: RecordRules): RecordPlan {
  const wanted = new Map<string, DnsRecord>();
  for (const record of desired) if (!wanted.has(nameKey(record))) wanted.set(nameKey(record), record);
  const rest = [...zones.names].flatMap(([key, name]) => (wanted.has(key) ? [] : [name]));
  const plans = [
    ...[...wanted.values()].map((record) => planWanted(zones, record, rules)),
    ...rest.map((name) => planUnwanted(name, rules)),
  ];
  const found = [...zones.names.values()].flatMap((name) => name.records);
  return {
    plan: {
      target: 'dns',
      changes: plans.flatMap((plan) => plan.changes ?? []),
      held: plans.flatMap((plan) => plan.held ?? []),
      owned: found.filter((record) => isOurs(record, rules.owner)).length,
    },
    findings: plans.flatMap((plan) => plan.findings ?? []),
  };
}

/** Whether everything that a change touches is still as it was when it was planned, marks included; `found` is by id. */
export function isStillAsPlanned(change: Change<ZoneRecord>, found: ReadonlyMap<string, ZoneRecord>): boolean {
  if (change.action !== 'create') {
    const record = found.get(change.current.id ?? '');
    if (record === undefined || !isUnchanged(record, change.current)) return false;
  }
  const { registry = [], replaces = [] } = change.action === 'delete' ? change.current : change.desired;
  return (
    registry.every(({ id, content }) => found.get(id)?.content === content) &&
    replaces.every(({ id, type, content }) => found.get(id)?.type === type && found.get(id)?.content === content)
  );
}

function isUnchanged(found: ZoneRecord, planned: ZoneRecord): boolean {
  return (
    found.name === planned.name &&
    found.type === planned.type &&
    found.content === planned.content &&
    found.proxied === planned.proxied &&
    found.comment === planned.comment &&
    found.owner?.id === planned.owner?.id
  );
}

/** Whether a record is what we want of it, mark included, whoever made it so. */
export function isAsDesired(found: ZoneRecord, desired: ZoneRecord): boolean {
  return found.name === canonicalName(desired.name) && differences(found, desired).length === 0;
}

function planWanted(zones: ZoneNames, record: DnsRecord, rules: RecordRules): NamePlan {
  const { zone } = record;
  const name = canonicalName(record.name);
  const here = zones.names.get(nameKey(record)) ?? { zone, name, records: [], registry: [], claims: [] };
  const serviceId = record.owner?.resource ?? nobody;
  const mark = formFor(zones, record, rules.form);
  const change = changeTo(here, { ...record, name, mark }, rules.owner);
  if (rules.isReleased(name)) {
    const finding = released(name, serviceId);
    const held = change === undefined ? [] : [{ change, reason: finding.message }];
    return { changes: giveUp(here, rules.owner), held, findings: [finding] };
  }
  if (change === undefined) return {};
  const problem = obstacle(here, rules.owner, rules);
  if (problem === undefined) return { changes: [change] };
  return { held: [{ change, reason: problem.reason }], findings: [conflict(serviceId, problem)] };
}

function planUnwanted(here: ZoneName, rules: RecordRules): NamePlan {
  if (rules.isReleased(here.name)) return { changes: giveUp(here, rules.owner) };
  const ours = here.records.filter((record) => isOurs(record, rules.owner));
  // A registry record whose CNAME is gone, or has become something else.
  if (ours.length === 0) return { changes: ourClaims(here, rules.owner).map((claim) => dropClaim(here.zone, claim)) };
  const plans = ours.map((current): NamePlan => {
    const serviceId = current.owner?.resource ?? nobody;
    if (leadsToUs(current.content, rules.tunnelTarget)) return { changes: [{ action: 'delete', serviceId, current }] };
    return { changes: [{ action: 'delete', serviceId, current, onlyMark: true }], findings: [relinquished(current)] };
  });
  return {
    changes: plans.flatMap((plan) => plan.changes ?? []),
    findings: plans.flatMap((plan) => plan.findings ?? []),
  };
}

function leadsToUs(content: string, target: string | undefined): boolean {
  const name = canonicalName(content);
  return target === undefined ? name.endsWith('.cfargotunnel.com') : name === canonicalName(target);
}

/** The change that makes the name as wanted, whoever has it now; undefined when it is. */
function changeTo(here: ZoneName, wanted: ZoneRecord, owner: string): Change<ZoneRecord> | undefined {
  const { records, registry, claims } = here;
  const serviceId = wanted.owner?.resource ?? nobody;
  const ours = records.find((record) => isOurs(record, owner));
  const current = ours ?? records.find((record) => record.type === 'CNAME') ?? records[0];
  const replaces = records
    .filter((record) => record !== current)
    .map(({ id, type, content }) => ({ id, type, content }));
  // Whoever takes a name over takes it from the registry of whoever had it, too.
  const texts = (ours === undefined ? [...registry, ...claims] : registry).map(textOf);
  const desired: ZoneRecord = {
    ...wanted,
    ...(texts.length === 0 ? {} : { registry: texts }),
    ...(replaces.length === 0 ? {} : { replaces }),
  };
  if (current === undefined) return { action: 'create', serviceId, desired };
  const fields = [...differences(current, desired), ...(replaces.length === 0 ? [] : ['others'])];
  return fields.length === 0 ? undefined : { action: 'update', serviceId, current, desired, fields };
}

/** What takes our marks off everything under a name that was released. For no service, so that none that fails keeps it. */
function giveUp(here: ZoneName, owner: string): readonly Change<ZoneRecord>[] {
  const claims = ourClaims(here, owner);
  const marked = here.records.filter(
    (record) => isOurs(record, owner) || (record.type === 'CNAME' && parseMark(record.comment)?.id === owner),
  );
  if (marked.length === 0) return claims.map((claim) => dropClaim(here.zone, claim));
  return marked.map((current) => {
    const { owner: _owner, comment: _comment, registry: _registry, ...desired } = current;
    const ours = { ...current, registry: claims.map(textOf) };
    return { action: 'update', serviceId: nobody, current: ours, desired, fields: ['owner'] };
  });
}

function ourClaims(here: ZoneName, owner: string): readonly Claim[] {
  return here.registry.filter((claim) => claim.mark.owner.id === owner);
}

function dropClaim(zone: string, claim: Claim): Change<ZoneRecord> {
  return { action: 'delete', serviceId: claim.mark.owner.resource, current: claimRecord(zone, claim), onlyMark: true };
}

/** The setting's form, where the zone has room for it: else a mark in the comment, which is ours as well. */
function formFor(zones: ZoneNames, { name, zone }: DnsRecord, form: MarkForm): MarkForm {
  const text = form === 'txt' ? registryName(canonicalName(name), zone) : undefined;
  return text === undefined || zones.otherTexts.has(nameKey({ zone, name: text })) ? 'comment' : 'txt';
}

function differences(current: ZoneRecord, desired: ZoneRecord): readonly string[] {
  const fields: string[] = [];
  if (current.type !== desired.type) fields.push('type');
  if (canonicalName(current.content) !== canonicalName(desired.content)) fields.push('content');
  if (current.proxied !== desired.proxied) fields.push('proxied');
  if (!isMarked(current, desired)) fields.push(current.owner?.id === desired.owner?.id ? 'mark' : 'owner');
  return fields;
}

/** Whether the record carries exactly the mark we want, in the form we want. */
function isMarked({ comment, registry = [] }: ZoneRecord, { owner, mark, zone, name }: ZoneRecord): boolean {
  if (owner === undefined) return false;
  const [text, ...more] = registry;
  if (mark === 'comment') return isSameMark(parseMark(comment), owner) && text === undefined;
  return (
    parseMark(comment) === undefined &&
    more.length === 0 &&
    text?.name === registryName(name, zone) &&
    text !== undefined &&
    isRegistryMark(text.content, owner)
  );
}
