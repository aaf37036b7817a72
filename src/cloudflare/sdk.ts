// The official SDK with only the resources we use, loaded when the first call needs it: it is too heavy for commands that make none.
import type { Logger } from '../logger.ts';
import { createGuardedFetch } from './fetch.ts';
import { withTrimmedSdk } from './trim-sdk.ts';

/** Where the API answers unless the settings name another. */
export const cloudflareApiUrl = 'https://api.cloudflare.com/client/v4';

const requestTimeoutMs = 15_000;

/** What a client of the API is made with. The token must never be logged. */
export interface SdkOptions {
  readonly apiToken: string;
  /** Another API with the same interface, up to and including `/client/v4`. */
  readonly baseUrl?: string | undefined;
  readonly logger: Logger;
}

/** The SDK's client, reduced to our nouns. */
export type Sdk = Awaited<ReturnType<typeof loadSdk>>;

/** Loads the SDK and makes a client. Nothing is taken from the environment: a stray CLOUDFLARE_* variable must not change who we are. */
export async function loadSdk(options: SdkOptions) {
  const [{ createClient }, { BaseTokens }, { BaseAccounts }, { BaseZones }, { BaseRecords }, tunnels, access] =
    await withTrimmedSdk(loadResources);
  return createClient({
    resources: [BaseTokens, BaseAccounts, BaseZones, BaseRecords, ...tunnels, ...access],
    apiToken: options.apiToken,
    apiKey: null,
    apiEmail: null,
    userServiceKey: null,
    baseURL: options.baseUrl ?? cloudflareApiUrl,
    timeout: requestTimeoutMs,
    maxRetries: 2,
    logLevel: 'off',
    fetch: createGuardedFetch(options.logger),
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
  const [applications, policies, tags, groups, tokens, providers] = await Promise.all([
    import('cloudflare/resources/zero-trust/access/applications/applications'),
    import('cloudflare/resources/zero-trust/access/policies'),
    import('cloudflare/resources/zero-trust/access/tags'),
    import('cloudflare/resources/zero-trust/access/groups'),
    import('cloudflare/resources/zero-trust/access/service-tokens'),
    import('cloudflare/resources/zero-trust/identity-providers'),
  ]);
  return [
    applications.BaseApplications,
    policies.BasePolicies,
    tags.BaseTags,
    groups.BaseGroups,
    tokens.BaseServiceTokens,
    providers.BaseIdentityProviders,
  ] as const;
}
