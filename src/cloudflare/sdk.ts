// The official SDK with only the resources we use, loaded when the first call needs it: it is too heavy for commands that make none.
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { createGuardedFetch } from './fetch.ts';
import type { RequestBudget } from './gate.ts';
import { withTrimmedSdk } from './trim-sdk.ts';

/** Where the API answers unless the settings name another. */
export const cloudflareApiUrl = 'https://api.cloudflare.com/client/v4';

/** What a client of the API is made with. The token must never be logged. */
export interface SdkOptions {
  /** A function is asked before every request: the token may be replaced while we run. */
  readonly apiToken: string | (() => string);
  /** What messages call the token; `the API token` unless there are several. */
  readonly tokenName?: string;
  /** Another API with the same interface, up to and including `/client/v4`. */
  readonly baseUrl?: string | undefined;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** How long one try may take. */
  readonly timeoutMs?: number;
  /** How much is asked at most; Cloudflare's own API has a budget unless another is given. */
  readonly budget?: RequestBudget;
}

/** The SDK's client, reduced to our nouns. */
export type Sdk = Awaited<ReturnType<typeof loadSdk>>;

/** Loads the SDK and makes a client. Nothing is taken from the environment: a stray CLOUDFLARE_* variable must not change who we are. */
export async function loadSdk(
  options: Pick<SdkOptions, 'baseUrl' | 'logger'> & {
    readonly apiToken: string;
    readonly timeoutMs: number;
    /** Told the path of each request. */
    readonly onRequest: (path: string) => void;
  },
) {
  const [{ createClient }, { BaseTokens }, { BaseAccounts }, { BaseZones }, { BaseRecords }, tunnels, access] =
    await withTrimmedSdk(loadResources);
  return createClient({
    resources: [BaseTokens, BaseAccounts, BaseZones, BaseRecords, ...tunnels, ...access],
    apiToken: options.apiToken,
    apiKey: null,
    apiEmail: null,
    userServiceKey: null,
    baseURL: options.baseUrl ?? cloudflareApiUrl,
    timeout: options.timeoutMs,
    // Trying again is ours: its waits neither end with a signal nor know of each other.
    maxRetries: 0,
    logLevel: 'off',
    fetch: createGuardedFetch(options.logger, options.onRequest),
  });
}

function loadResources() {
  return Promise.all([
    import('cloudflare/tree-shakable'),
    import('cloudflare/resources/user/tokens/tokens'),
    import('cloudflare/resources/accounts/accounts'),
    import('cloudflare/resources/zones/zones'),
    import('cloudflare/resources/dns/records'),
    loadTunnelResources(),
    loadAccessResources(),
  ]);
}

async function loadTunnelResources() {
  const [{ BaseCloudflared }, { BaseConfigurations }, { BaseConnections }, { BaseToken }] = await Promise.all([
    import('cloudflare/resources/zero-trust/tunnels/cloudflared/cloudflared'),
    import('cloudflare/resources/zero-trust/tunnels/cloudflared/configurations'),
    import('cloudflare/resources/zero-trust/tunnels/cloudflared/connections'),
    import('cloudflare/resources/zero-trust/tunnels/cloudflared/token'),
  ]);
  return [BaseCloudflared, BaseConfigurations, BaseConnections, BaseToken] as const;
}

async function loadAccessResources() {
  const [applications, cas, policies, tags, groups, tokens, providers] = await Promise.all([
    import('cloudflare/resources/zero-trust/access/applications/applications'),
    import('cloudflare/resources/zero-trust/access/applications/cas'),
    import('cloudflare/resources/zero-trust/access/policies'),
    import('cloudflare/resources/zero-trust/access/tags'),
    import('cloudflare/resources/zero-trust/access/groups'),
    import('cloudflare/resources/zero-trust/access/service-tokens'),
    import('cloudflare/resources/zero-trust/identity-providers'),
  ]);
  return [
    applications.BaseApplications,
    cas.BaseCAs,
    policies.BasePolicies,
    tags.BaseTags,
    groups.BaseGroups,
    tokens.BaseServiceTokens,
    providers.BaseIdentityProviders,
  ] as const;
}
