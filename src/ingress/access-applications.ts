// Access applications for entries: one per host, or host and path prefix, that has a policy, and one per path that needs no login. Pure.
import type { AccessApplication, Diagnostic, IngressEntry, ServiceId } from '../model.ts';
import { accessDomain, accessPrefix } from './access-domain.ts';
import { isOpened, ownPrefix, trimmed } from './access-prefix.ts';
import { publicExceptions, type ZoneDefault, zoneLocks } from './access-zone-default.ts';
import { bypassesAll, bypassPath } from './bypass-path.ts';
import { lockedAnyway } from './locked-anyway.ts';

/** Stands in an application's `policies` for "anyone, without login"; no policy of the settings can be called so. */
export const noLogin = 'no login';

/** The entries whose lock is clear, and what is wrong with the others. */
export interface Guarded {
  readonly guarded: readonly IngressEntry[];
  readonly problems: readonly Diagnostic[];
}

/** The applications, and what of the exceptions from login could not be kept. */
export interface CompiledApplications {
  readonly applications: readonly AccessApplication[];
  readonly problems: readonly Diagnostic[];
}

/**
 * Leaves out entries whose part of a host is already guarded by another policy: an Access application with both would let in
 * whoever passes either.
 */
export function guard(entries: readonly IngressEntry[]): Guarded {
  const guards = new Map<string, { readonly policy: string; readonly serviceId: ServiceId }>();
  const problems: Diagnostic[] = [];
  const guarded = entries.filter(({ rule, access, serviceId }) => {
    if (access === 'public') return true;
    const domain = accessDomain(rule);
    const other = guards.get(domain);
    if (other === undefined) guards.set(domain, { policy: access.policy, serviceId });
    if (other === undefined || other.policy === access.policy) return true;
    problems.push({
      severity: 'error',
      code: 'E_CONFLICT',
      message: `${domain} is guarded by policy ${other.policy} of ${other.serviceId}, so policy ${access.policy} cannot be`,
      hint: 'give both the same policy, or another hostname',
      serviceId,
    });
    return false;
  });
  return { guarded, problems };
}

/** The applications of entries in matching order, as `guard` left them; those of the zones come last. */
export function accessApplications(
  ingress: readonly IngressEntry[],
  owner: string,
  zoneDefault?: ZoneDefault,
): CompiledApplications {
  const applications = new Map<string, AccessApplication>();
  const problems: Diagnostic[] = [];
  const add = (domain: string, policy: string, resource: ServiceId) => {
    if (!applications.has(domain))
      applications.set(domain, { name: domain, domain, policies: [policy], owner: { id: owner, resource } });
  };
  for (const { rule, access, serviceId } of ingress) {
    if (access !== 'public') add(accessDomain(rule), access.policy, serviceId);
  }
  for (const domain of sshDomains(ingress)) {
    const application = applications.get(domain);
    if (application !== undefined) applications.set(domain, { ...application, sshCa: true });
  }
  for (const [index, entry] of ingress.entries()) {
    for (const path of bypassOf(entry)) {
      const problem = bypassProblem(path, entry, ingress.slice(0, index));
      if (problem === undefined)
        add(`${entry.rule.hostname}${bypassPath(path)?.domain ?? ''}`, noLogin, entry.serviceId);
      else problems.push({ ...problem, severity: 'warning', serviceId: entry.serviceId });
    }
  }
  problems.push(...lockedAnyway(ingress));
  if (zoneDefault !== undefined) {
    const { exceptions, problems: locked } = publicExceptions(ingress, zoneDefault);
    for (const { domain, serviceId } of exceptions) add(domain, noLogin, serviceId);
    for (const lock of zoneLocks(zoneDefault, owner))
      if (!applications.has(lock.domain)) applications.set(lock.domain, lock);
    problems.push(...locked);
  }
  return { applications: [...applications.values()], problems };
}

/** The hosts at which ssh is behind a policy: people log in there with short-lived certificates, if the server trusts them. */
function sshDomains(ingress: readonly IngressEntry[]): readonly string[] {
  return ingress.flatMap(({ rule, access }) =>
    access !== 'public' && rule.service.startsWith('ssh://') ? [accessDomain(rule)] : [],
  );
}

function bypassOf(entry: IngressEntry): readonly string[] {
  return entry.access === 'public' ? [] : (entry.access.bypassPaths ?? []);
}

/**
 * Why a path keeps its login: everything below it must be answered by this entry, or the exception would open what
 * another policy guards. `before` are the entries that are tried before this one.
 */
function bypassProblem(
  path: string,
  entry: IngressEntry,
  before: readonly IngressEntry[],
): Pick<Diagnostic, 'code' | 'message' | 'hint'> | undefined {
  const { hostname } = entry.rule;
  const parsed = bypassPath(path);
  const prefix = ownPrefix(entry.rule);
  const invalid = (message: string, hint: string) => ({ code: 'E_INPUT_INVALID', message, hint });
  if (parsed === undefined)
    return invalid(`"${path.slice(0, 80)}" is not a path Access can except from login`, 'write it like /api/health');
  if (hostname.startsWith('*.'))
    return invalid(
      `${path} of ${hostname} keeps its login: other names are below it`,
      'name the host without a wildcard',
    );
  if (prefix === undefined || !parsed.literal.startsWith(prefix))
    return invalid(
      `${path} keeps its login: not everything below it is answered by the rule with path ${entry.rule.path ?? ''}`,
      'write the rule as a plain prefix such as ^/app, and the path below it',
    );
  if (bypassesAll(path) || path.replace(/[/*]+$/, '') === trimmed(prefix))
    return invalid(`${path} keeps its login: it is all there is`, 'set access to "public" if everyone may come in');
  const other = before.find(
    (one) => one.rule.hostname === hostname && one.access !== 'public' && isOpened(accessPrefix(one.rule), parsed),
  );
  return other === undefined
    ? undefined
    : {
        code: 'E_CONFLICT',
        message: `${path} keeps its login: below it there is a part of ${hostname} that ${other.serviceId} guards`,
        hint: 'choose a path that only this service answers',
      };
}
