// From the entries services want to one desired state: hostnames settled, rules checked one by one, records and Access applications derived. Pure.
import { ValidationError } from '../errors.ts';
import type { DesiredState, Diagnostic, DnsRecord, IngressEntry, IngressRule, ServiceId } from '../model.ts';
import { accessApplications, guard } from './access-applications.ts';
import type { ZoneDefault } from './access-zone-default.ts';
import { type Claim, compareText, settleClaims } from './claims.ts';
import { normaliseHostname, zoneOf } from './hostname.ts';
import { compareEntries } from './order.ts';
import { checkRules, isCatchAll } from './validate.ts';
import { weave } from './weave.ts';

/** What compiling needs to know beside the entries. */
export interface CompileContext {
  /** The zones we may touch; a hostname outside all of them is refused. */
  readonly zones: readonly string[];
  /** What every hostname's CNAME points at: `<tunnel id>.cfargotunnel.com`. */
  readonly tunnelTarget: string;
  /** Our owner id. */
  readonly owner: string;
  /** The policy of every name of the zones that nothing else guards, if there is one. */
  readonly zoneDefault?: string | undefined;
  /** The entries of the last pass: whoever holds a hostname keeps it. */
  readonly previous: readonly IngressEntry[];
}

/** The desired state, and what kept single entries out of it. */
export interface Compiled {
  readonly desired: DesiredState;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * RE2 instructions a path pattern may have. Matching is linear, but in pattern size times path length: this keeps the longest
 * path an edge lets through at a fraction of a second, whatever a label says.
 */
const maxPatternSize = 1000;

/** The rule every table ends with unless the user's own rules already do. */
const catchAll: IngressRule = { service: 'http_status:404' };

/** Compiles a pass's entries. Never throws for an entry: one that cannot be served becomes a diagnostic and hurts no other. */
export function compileIngress(entries: readonly IngressEntry[], context: CompileContext): Compiled {
  const diagnostics: Diagnostic[] = [];
  const usable: IngressEntry[] = [];
  for (const entry of entries) {
    const result = prepare(entry, context.zones);
    if ('problem' in result) diagnostics.push(result.problem);
    else usable.push(result.entry);
  }
  const claims = settleClaims(usable, context.previous.map(withNormalHostname));
  diagnostics.push(...claims.flatMap(conflicts));
  const { guarded: ingress, problems } = guard(claims.map((claim) => claim.winner).sort(compareEntries));
  const locks = accessApplications(ingress, context.owner, zoneDefaultOf(context));
  diagnostics.push(...problems, ...locks.problems);
  return {
    desired: { ingress, dnsRecords: dnsRecords(ingress, context), accessApplications: locks.applications },
    diagnostics,
  };
}

/**
 * The rules of a table in matching order, ending with a catch-all. `foreign` rules are somebody else's: they stay as they are and
 * in their order, ours go where they can be reached, and the catch-all of the foreign ones is kept.
 */
export function buildRules(
  entries: readonly IngressEntry[],
  foreign: readonly IngressRule[] = [],
): readonly IngressRule[] {
  const last = foreign.at(-1);
  const fixed = last !== undefined && isCatchAll(last) ? foreign : [...foreign, catchAll];
  return weave(
    fixed,
    entries.map((entry) => entry.rule),
    (rule) => rule,
  );
}

function zoneDefaultOf({ zoneDefault, zones }: CompileContext): ZoneDefault | undefined {
  return zoneDefault === undefined ? undefined : { policy: zoneDefault, zones };
}

type Prepared = { readonly entry: IngressEntry } | { readonly problem: Diagnostic };

function prepare(entry: IngressEntry, zones: readonly string[]): Prepared {
  const hostname = normaliseHostname(entry.rule.hostname);
  if (hostname === undefined)
    return problem(entry.serviceId, 'E_INGRESS_INVALID', `${entry.rule.hostname} is not a hostname DNS can hold`, {
      hint: 'use letters, digits and hyphens, at most 63 per label; a wildcard only as the first label',
    });
  if (zoneOf(hostname, zones) === undefined)
    return problem(entry.serviceId, 'E_ZONE_UNKNOWN', `${hostname} is in none of the zones ${zones.join(', ')}`, {
      hint: 'choose a hostname in one of them, or add its zone to cloudflare.zones',
    });
  const normal: IngressEntry = { ...entry, rule: { ...entry.rule, hostname } };
  const refusal = checkAlone(normal.rule);
  return refusal === undefined ? { entry: normal } : problem(entry.serviceId, 'E_INGRESS_INVALID', refusal, {});
}

/** cloudflared's checks on one rule by itself; its message without a number that would mean nothing here. */
function checkAlone(rule: IngressRule): string | undefined {
  try {
    const size = checkRules([rule, catchAll])[0]?.pattern?.size ?? 0;
    return size > maxPatternSize
      ? `the path pattern is too large (${size} instructions, at most ${maxPatternSize})`
      : undefined;
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return error.message.replace(/^Rule #1 has/, `the path ${rule.path ?? ''} has`);
  }
}

function withNormalHostname(entry: IngressEntry): IngressEntry {
  const hostname = normaliseHostname(entry.rule.hostname) ?? entry.rule.hostname;
  return { ...entry, rule: { ...entry.rule, hostname } };
}

function conflicts({ winner, losers }: Claim): readonly Diagnostic[] {
  const name = `${winner.rule.hostname}${winner.rule.path === undefined ? '' : ` with path ${winner.rule.path}`}`;
  return losers.map(({ serviceId }) => ({
    severity: 'error',
    code: 'E_CONFLICT',
    message:
      serviceId === winner.serviceId
        ? `${name} is wanted twice by ${serviceId}`
        : `${name} already belongs to ${winner.serviceId}`,
    hint: 'give one of them another hostname or path',
    serviceId,
  }));
}

function problem(
  serviceId: ServiceId,
  code: Diagnostic['code'],
  message: string,
  extra: Pick<Diagnostic, 'hint'>,
): Prepared {
  return { problem: { severity: 'error', code, message, ...extra, serviceId } };
}

/** One proxied CNAME per hostname, named after the service without a path, else after the lowest service id. */
function dnsRecords(ingress: readonly IngressEntry[], context: CompileContext): readonly DnsRecord[] {
  return [...Map.groupBy(ingress, (entry) => entry.rule.hostname)].map(([name, entries]) => ({
    zone: zoneOf(name, context.zones) ?? name,
    name,
    type: 'CNAME',
    content: context.tunnelTarget,
    proxied: true,
    owner: { id: context.owner, resource: representative(entries) },
  }));
}

function representative(entries: readonly IngressEntry[]): ServiceId {
  const [first] = entries.toSorted(
    (a, b) => (a.rule.path ?? '').length - (b.rule.path ?? '').length || compareText(a.serviceId, b.serviceId),
  );
  if (first === undefined) throw new RangeError('a group has at least one entry');
  return (entries.find((entry) => entry.rule.path === undefined) ?? first).serviceId;
}
