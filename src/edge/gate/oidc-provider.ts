// The identity providers of the store that can be logged in at: OpenID Connect ones with all their addresses. Pure.
import type { StoredIdentityProvider } from '../store/access/identity-providers.ts';
import type { KeptFields } from '../store/access/tables.ts';

/** One OpenID Connect provider, as Cloudflare's API describes it. */
export interface OidcProvider {
  readonly id: string;
  readonly name: string;
  readonly clientId: string;
  /** A secret; undefined for a public client. */
  readonly clientSecret: string | undefined;
  readonly authUrl: string;
  readonly tokenUrl: string;
  readonly certsUrl: string;
  readonly scopes: readonly string[];
  readonly emailClaim: string;
  /** Checked when it is known; Cloudflare's API has no field for it. */
  readonly issuer: string | undefined;
}

/** Where identity providers are kept. */
export interface ProviderSource {
  list(): readonly StoredIdentityProvider[];
  clientSecret(id: string): string | undefined;
}

/** Those that are complete; another kind, or one without an address, is none that this edge can ask. */
export function oidcProviders(source: ProviderSource): readonly OidcProvider[] {
  return source.list().flatMap((stored) => {
    const { id, fields } = stored;
    if (fields.type !== 'oidc') return [];
    const { config } = fields;
    const [clientId, authUrl, tokenUrl, certsUrl] = [
      text(config, 'client_id'),
      address(config, 'auth_url'),
      address(config, 'token_url'),
      address(config, 'certs_url'),
    ];
    if (clientId === undefined || authUrl === undefined || tokenUrl === undefined || certsUrl === undefined) return [];
    const scopes = Array.isArray(config.scopes) ? config.scopes.filter((scope) => typeof scope === 'string') : [];
    return [
      {
        id,
        name: fields.name,
        clientId,
        clientSecret: source.clientSecret(id),
        authUrl,
        tokenUrl,
        certsUrl,
        scopes: [...new Set(['openid', ...(scopes.length > 0 ? scopes : ['email', 'profile'])])],
        emailClaim: text(config, 'email_claim_name') ?? 'email',
        issuer: text(config, 'issuer'),
      },
    ];
  });
}

function text(config: KeptFields, key: string): string | undefined {
  const value = config[key];
  return typeof value === 'string' && value !== '' && value.length <= 2_048 ? value : undefined;
}

/** Secrets go there, so it has to be HTTPS, or this machine. */
function address(config: KeptFields, key: string): string | undefined {
  const value = text(config, key);
  if (value === undefined || !URL.canParse(value)) return undefined;
  const { protocol, hostname } = new URL(value);
  const isHere = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isHere) ? value : undefined;
}
