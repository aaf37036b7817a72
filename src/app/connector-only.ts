// A tunnel's token and no API token: we carry traffic by rules kept elsewhere, and say what would have to be written there.
import type { Reconciler } from '../contracts.ts';
import { shownUrl } from '../ingress/shown-url.ts';
import type { Diagnostic, IngressEntry, Plan } from '../model.ts';
import { type BoundCredentials, parseToken } from '../protocol/credentials.ts';
import type { Compiled } from '../reconcile.ts';
import type { Settings } from '../settings/settings.ts';
import type { Place } from './place.ts';

/** True where there is no API to ask: Cloudflare's edge, and no API token. */
export function isConnectorOnly({ edge, cloudflare }: Pick<Settings, 'edge' | 'cloudflare'>): boolean {
  return edge === 'cloudflare' && cloudflare.apiToken === undefined;
}

/** All that can be known without the API: the token names tunnel and account, the settings the zones. Throws ValidationError. */
export function connectorOnlyPlace({ domain, cloudflare }: Pick<Settings, 'domain' | 'cloudflare'>): {
  readonly place: Place;
  readonly credentials: BoundCredentials;
} {
  const { tunnel, zones } = cloudflare;
  const credentials = parseToken(tunnel.kind === 'token' ? tunnel.token : '');
  return { credentials, place: { account: credentials.accountTag, zones: zones.length > 0 ? zones : [domain] } };
}

/** What is wanted, none of which can be published from here; each service is told what it would need. */
export function withoutApi(compiled: Compiled, tunnelTarget: string): Compiled {
  return {
    desired: { ingress: [], dnsRecords: [], accessApplications: [] },
    diagnostics: [
      ...compiled.diagnostics,
      ...compiled.desired.ingress.map((entry) => unpublished(entry, tunnelTarget)),
    ],
  };
}

function unpublished({ rule, serviceId, access }: IngressEntry, tunnelTarget: string): Diagnostic {
  const name = rule.hostname + (rule.path ?? '');
  const guard = access === 'public' ? '' : ` behind the Access policy "${access.policy}"`;
  return {
    severity: 'warning',
    code: 'W_NO_API_TOKEN',
    message: `${name} is not published: without an API token its rule and its name cannot be written`,
    hint: `set cloudflare.api_token_file; or add it to the tunnel in the dashboard: ${name} to ${shownUrl(rule.service)}${guard}, and a CNAME ${rule.hostname} to ${tunnelTarget}`,
    serviceId,
  };
}

/** Stands in for a reconciler of what there is no way to. */
export function noReconciler<T>(target: Plan<T>['target']): Reconciler<T> {
  return {
    target,
    plan: async () => ({ target, changes: [], held: [] }),
    apply: async () => [],
  };
}
