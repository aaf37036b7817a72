// What the API token may do of all that we do: asked before anything is tried, so that a missing permission is named at once.
import { ApiError, type AppError } from '../errors.ts';
import type { CloudflareApi } from './client.ts';
import { accessNotEnabled, howToAdd, invalidity, tokensPage } from './diagnose.ts';
import type { TokenStatus } from './tokens.ts';
import type { Zone } from './zones.ts';

/** Where we work, as far as it is known. */
export interface CheckedPlace {
  readonly account: string;
  /** By name. */
  readonly zones: readonly string[];
  /** Our tunnel; its token can only be read with Edit, which nothing else that only reads tells from Read. */
  readonly tunnelId?: string | undefined;
}

/** One thing the token must be able to do. */
export interface PermissionCheck {
  /** As the dashboard writes it: `Zone > DNS > Edit`; `the token itself` for its validity. */
  readonly permission: string;
  readonly neededFor: string;
  /** The zone it is about. */
  readonly zone?: string;
  /** False also when it could not be asked; `problem` says which. */
  readonly ok: boolean;
  readonly problem?: string;
  /** How to mend it. */
  readonly hint?: string;
  /** The error behind it; absent for what the API answered without one. */
  readonly error?: AppError;
}

/** What is asked of the API: all of it only reads. */
export type CheckedApi = Pick<CloudflareApi, 'verifyToken' | 'accounts' | 'zones' | 'dns' | 'tunnels' | 'access'>;

const zoneRead = { permission: 'Zone > Zone > Read', neededFor: 'finding the zones' } as const;
const dnsEdit = { permission: 'Zone > DNS > Edit', neededFor: 'the names of services' } as const;
const tunnelEdit = {
  permission: 'Account > Cloudflare Tunnel > Edit',
  neededFor: 'making and running the tunnel, and its rules',
} as const;
const account = { permission: 'Account > Account Settings > Read', neededFor: 'finding the account' } as const;
const access = { permission: 'Account > Access: Apps and Policies > Edit', neededFor: 'guarding services' } as const;
const serviceTokens = {
  permission: 'Account > Access: Service Tokens > Edit',
  neededFor: 'policies that name service tokens',
} as const;
const directory = {
  permission: 'Account > Access: Organizations, Identity Providers, and Groups > Read',
  neededFor: 'policies that name groups or login methods',
} as const;

/**
 * Checks the token and everything it is needed for; a token that is not valid is the only check then. What only a write would show is
 * taken to be there: that write names the permission when it is refused. Rejects only with the signal's reason.
 */
export async function checkToken(
  api: CheckedApi,
  place: CheckedPlace,
  signal: AbortSignal,
  now: number = Date.now(),
): Promise<readonly PermissionCheck[]> {
  const token = await checkItself(api, place.account, signal, now);
  if (!token.ok) return [token];
  const ask = (what: Checked, read: () => Promise<unknown>) => checkOne(what, read, signal);
  const [zones, ...rest] = await Promise.all([
    checkZones(api, place.zones, signal),
    ask(tunnelEdit, () => readTunnels(api, place, signal)),
    ask(access, () => api.access.applications.list(place.account, signal)),
    ask(access, () => api.access.policies.list(place.account, signal)),
    ask(serviceTokens, () => api.access.serviceTokens(place.account, signal)),
    ask(directory, () => api.access.groups(place.account, signal)),
    ask(account, () => api.accounts.get(place.account, signal)),
  ]);
  return [token, ...zones, ...oncePerPermission(rest)];
}

interface Checked {
  readonly permission: string;
  readonly neededFor: string;
  readonly zone?: string;
}

async function checkItself(
  api: CheckedApi,
  accountId: string,
  signal: AbortSignal,
  now: number,
): Promise<PermissionCheck> {
  const what = { permission: 'the token itself', neededFor: 'everything' };
  try {
    const reason = invalidity(await verify(api, accountId, signal), now);
    if (reason === undefined) return { ...what, ok: true };
    return { ...what, ok: false, problem: `the API token is not valid: ${reason}`, hint: `see ${tokensPage}` };
  } catch (error) {
    return failed(what, error, signal);
  }
}

/** As a user's token, then as the account's own. */
async function verify(api: CheckedApi, accountId: string, signal: AbortSignal): Promise<TokenStatus> {
  try {
    return await api.verifyToken(signal);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    return api.verifyToken(signal, accountId);
  }
}

function readTunnels(api: CheckedApi, place: CheckedPlace, signal: AbortSignal): Promise<unknown> {
  if (place.tunnelId === undefined) return api.tunnels.list(place.account, signal);
  return api.tunnels.token(place.account, place.tunnelId, signal);
}

async function checkZones(
  api: CheckedApi,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly PermissionCheck[]> {
  let seen: readonly Zone[];
  try {
    seen = await api.zones.list(signal);
  } catch (error) {
    return [failed(zoneRead, error, signal)];
  }
  const checks = await Promise.all(
    names.map(async (name): Promise<readonly PermissionCheck[]> => {
      const zone = seen.find((one) => one.name === name);
      const what = { ...zoneRead, zone: name };
      if (zone === undefined) return [lacks(what)];
      return [{ ...what, ok: true }, await checkDns(api, zone, signal)];
    }),
  );
  return checks.flat();
}

async function checkDns(api: CheckedApi, zone: Zone, signal: AbortSignal): Promise<PermissionCheck> {
  const what = { ...dnsEdit, zone: zone.name };
  if (lacksDnsEdit(zone)) return lacks(what);
  return checkOne(what, () => api.dns.list(zone.id, signal), signal);
}

/** True where the zone says that its records may be read and not written. Cloudflare lists on a zone what the token may do there; not every API does. */
export function lacksDnsEdit({ permissions = [] }: Zone): boolean {
  return permissions.includes('#dns_records:read') && !permissions.includes('#dns_records:edit');
}

async function checkOne(what: Checked, read: () => Promise<unknown>, signal: AbortSignal): Promise<PermissionCheck> {
  try {
    await read();
    return { ...what, ok: true };
  } catch (error) {
    return failed(what, error, signal);
  }
}

function lacks(what: Checked): PermissionCheck {
  const where = what.zone === undefined ? '' : ` for ${what.zone}`;
  const problem = `the API token lacks "${what.permission}"${where}`;
  return { ...what, ok: false, problem, hint: howToAdd(what.permission, what.zone) };
}

function failed(what: Checked, error: unknown, signal: AbortSignal): PermissionCheck {
  signal.throwIfAborted();
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 403 && error.apiCode !== accessNotEnabled) return { ...lacks(what), error };
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return { ...what, ok: false, problem: error.message, ...hint, error };
}

/** Two reads may stand for one permission: the one that failed counts. */
function oncePerPermission(checks: readonly PermissionCheck[]): readonly PermissionCheck[] {
  const byPermission = Map.groupBy(checks, (check) => check.permission);
  return [...byPermission.values()].flatMap((same) => same.find((check) => !check.ok) ?? same.slice(0, 1));
}
