// Why a name is left alone, in words for the person whose service wants it. Pure.
import type { NameDecisions } from '../adoption.ts';
import type { Diagnostic, ServiceId } from '../model.ts';
import { isOurs } from './records.ts';
import { ownerName } from './txt-registry.ts';
import type { ZoneName, ZoneRecord } from './zone-names.ts';

/** Why a name cannot be ours, and how that could be mended. */
export interface Obstacle {
  readonly reason: string;
  readonly hint: string;
}

/** What somebody else has at a name we want; undefined when there is nothing, or when a person said that it is ours now. */
export function obstacle(
  here: ZoneName,
  owner: string,
  { isAdopted }: Pick<NameDecisions, 'isAdopted'>,
): Obstacle | undefined {
  const foreign = here.records.filter((record) => !isOurs(record, owner));
  if (foreign.some((record) => record.type === 'NS')) {
    const reason = `NS records for ${here.name} exist: the name is delegated to other name servers`;
    return { reason, hint: 'choose another hostname, or end the delegation' };
  }
  if (isAdopted(here.name)) return undefined;
  const reason = foreign[0] === undefined ? claimReason(here, owner) : recordReason(foreign[0], owner);
  if (reason === undefined) return undefined;
  return {
    reason,
    hint: `choose another hostname, delete what is there, or take it over: sallyport adopt ${here.name}`,
  };
}

/** A conflict, beside the service that wants the name. */
export function conflict(
  serviceId: ServiceId,
  { reason, hint }: { readonly reason: string; readonly hint?: string },
): Diagnostic {
  return { severity: 'error', code: 'E_CONFLICT', message: reason, ...(hint === undefined ? {} : { hint }), serviceId };
}

/** A service wants a name that a person gave away. */
export function released(hostname: string, serviceId: ServiceId): Diagnostic {
  return {
    severity: 'warning',
    code: 'W_RELEASED',
    message: `${hostname} was released: its record is left as it is`,
    hint: `to have it managed again: sallyport adopt ${hostname}`,
    serviceId,
  };
}

/** A record of ours that nobody wants any more and that somebody pointed elsewhere. */
export function relinquished({ name, content }: ZoneRecord): Diagnostic {
  return {
    severity: 'info',
    code: 'W_RELINQUISHED',
    message: `${name} leads to ${content} now, not to our tunnel: the record stays, only our mark is taken off`,
  };
}

function recordReason(record: ZoneRecord, owner: string): string {
  const what = `${record.type.startsWith('A') ? 'an' : 'a'} ${record.type} record for ${record.name} exists`;
  if (record.owner === undefined) return `${what} and is not ours`;
  if (record.owner.id !== owner) return `${what} and belongs to ${ownerName(record.owner)}`;
  return `${what} where ours was, changed by hand`;
}

/** A name without a record may still be claimed: external-dns would take the record we make for its own. */
function claimReason({ name, records, registry, claims }: ZoneName, owner: string): string | undefined {
  if (records.length > 0) return undefined;
  const claim = [...registry, ...claims].find(({ mark }) => mark.owner.id !== owner);
  return claim && `the TXT record ${claim.name} says that ${name} belongs to ${ownerName(claim.mark.owner)}`;
}
