// What the gate needs of the store, read at once whenever something changed: lookups per request never touch the database.
import type { AccessStore } from '../store/access/access.ts';
import type { StoredApp } from '../store/access/apps.ts';
import { publicUris } from '../store/access/destinations.ts';
import { goDurationMs } from '../store/access/go-duration.ts';
import type { KeptFields } from '../store/access/tables.ts';
import type { GatePolicy } from './decide.ts';
import { type OidcProvider, oidcProviders } from './oidc-provider.ts';
import { indexPlaces, type PlaceIndex } from './places.ts';
import type { GateGroups } from './rules.ts';

/** An application as the gate guards it. */
export interface GateApp {
  readonly aud: string;
  readonly name: string;
  /** As the API shows it; told to clients that are refused. */
  readonly domain: string;
  /** It guards some host as a whole. */
  readonly isWholeHost: boolean;
  readonly sessionMs: number;
  /** Login methods by id; empty: all there are. */
  readonly allowedLogins: readonly string[];
  readonly policies: readonly GatePolicy[];
  /** A header that may hold a whole service token. */
  readonly tokenHeader: string | undefined;
  readonly denyMessage: string | undefined;
  /** Cross-origin preflights, which cannot carry a login, go through. */
  readonly isPreflightOpen: boolean;
}

/** Everything at one moment. */
export interface GateSnapshot {
  readonly places: PlaceIndex<GateApp>;
  readonly groups: GateGroups;
  readonly providers: readonly OidcProvider[];
  /** `https://` and the team domain. */
  readonly issuer: string;
  /** The zones in which a name without an application is open; undefined: all. */
  readonly openZones: readonly string[] | undefined;
}

/** Types of applications that guard host names. */
const guarding: ReadonlySet<string> = new Set(['self_hosted', 'ssh', 'vnc', 'rdp']);

/** Reads the store; throws AppError E_STATE when it cannot be read. */
export function readSnapshot(access: AccessStore): GateSnapshot {
  const organization = organizationOf(access);
  const needsMore = organization.mfa_required_for_all_apps === true;
  const apps = access.apps.list().filter(({ fields }) => guarding.has(fields.type));
  return {
    places: indexPlaces(
      apps.flatMap((stored) => {
        const app = gateApp(stored, access, needsMore);
        return publicUris(stored.fields.destinations).map((uri) => ({ uri, app }));
      }),
    ),
    groups: new Map(access.groups.list().map(({ id, fields }) => [id, fields])),
    providers: oidcProviders(access.identityProviders),
    issuer: `https://${String(organization.auth_domain ?? 'sallyport.invalid')}`,
    openZones: openZones(organization),
  };
}

/** Without an organisation nothing of Access can be made, so there is nothing to guard. */
function organizationOf(access: AccessStore): KeptFields {
  return access.isEnabled() ? access.organization.get().fields : {};
}

function gateApp({ id, fields }: StoredApp, access: AccessStore, needsMore: boolean): GateApp {
  const { kept } = fields;
  const header = kept.read_service_tokens_from_header;
  const message = kept.custom_deny_message;
  const appNeedsMore = needsMore || asksForMfa(kept);
  return {
    aud: fields.aud,
    name: fields.name,
    domain: fields.domain ?? '',
    isWholeHost: publicUris(fields.destinations).some((uri) => !uri.includes('/')),
    sessionMs: goDurationMs(fields.sessionDuration, 'session_duration'),
    allowedLogins: fields.allowedIdps,
    policies: access.appPolicies.list(access.apps.get(id)).map(({ policy }) => {
      const { name, decision, include, require, exclude, sessionDuration } = policy.fields;
      const session = sessionDuration === null ? {} : { sessionMs: goDurationMs(sessionDuration, 'session_duration') };
      const isBeyondUs = appNeedsMore || asksForMore(policy.fields.kept);
      return { name, decision, include, require, exclude, isBeyondUs, ...session };
    }),
    tokenHeader: typeof header === 'string' && /^[A-Za-z0-9-]{1,64}$/.test(header) ? header : undefined,
    denyMessage: typeof message === 'string' && message !== '' ? message : undefined,
    isPreflightOpen: kept.options_preflight_bypass === true,
  };
}

/** Conditions of a policy that only Cloudflare can see to: here nobody meets them. */
function asksForMore(kept: KeptFields): boolean {
  return (
    kept.approval_required === true ||
    kept.isolation_required === true ||
    kept.purpose_justification_required === true ||
    asksForMfa(kept)
  );
}

function asksForMfa({ mfa_config: config }: KeptFields): boolean {
  if (typeof config !== 'object' || config === null) return false;
  return !('mfa_disabled' in config && config.mfa_disabled === true);
}

function openZones(organization: KeptFields): readonly string[] | undefined {
  if (organization.deny_unmatched_requests !== true) return undefined;
  const zones = organization.deny_unmatched_requests_exempted_zone_names;
  return Array.isArray(zones) ? zones.filter((zone) => typeof zone === 'string') : [];
}
