// A real, certified OpenID Connect provider in this process, whose people log in by being named.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import Provider, { type Configuration } from 'oidc-provider';

/** It, running. */
export interface IdentityProvider {
  readonly issuer: string;
  /** As the edge's API keeps it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Who logs in next; undefined refuses. */
  person: { readonly email: string; readonly isVerified?: boolean } | undefined;
  /** Goes through the provider's pages from this address, and gives the address it sends the browser back to. */
  walk(authorizationUrl: string): Promise<string>;
}

const clientSecret = 'a secret: with +odd/ characters';

/** Starts it for one callback; it ends with the test. */
export async function startIdentityProvider(
  t: TestContext,
  redirectUri: string,
  client: Readonly<Record<string, unknown>> = {},
): Promise<IdentityProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const held: { person: IdentityProvider['person'] } = { person: undefined };
  const configuration: Configuration = {
    clients: [
      {
        client_id: 'sallyport',
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        ...client,
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    // The id_token itself holds the claims: nobody asks the userinfo endpoint.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: id, email_verified: held.person?.isVerified ?? true }),
    }),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  };
  const provider = new Provider(issuer, configuration);
  provider.on('server_error', (_ctx, error) => {
    throw error;
  });
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/interaction/') !== true) void answer(request, response);
    else interact(provider, held.person, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  return Object.assign(held, {
    issuer,
    config: {
      client_id: 'sallyport',
      client_secret: clientSecret,
      auth_url: `${issuer}/auth`,
      token_url: `${issuer}/token`,
      certs_url: `${issuer}/jwks`,
      scopes: ['openid', 'email'],
    },
    walk: (url: string) => walk(url, issuer),
  });
}

/** The provider's own page: whoever is named is logged in and agrees to everything. */
async function interact(
  provider: Provider,
  person: IdentityProvider['person'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, grantId, session } = await provider.interactionDetails(request, response);
  if (person === undefined) {
    await provider.interactionFinished(request, response, { error: 'access_denied' });
    return;
  }
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: person.email } });
    return;
  }
  const accountId = session?.accountId ?? person.email;
  const grant =
    (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
    new provider.Grant({ accountId, clientId: String(params.client_id) });
  grant.addOIDCScope('openid email');
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function walk(url: string, issuer: string): Promise<string> {
  const cookies = new Map<string, string>();
  let at = url;
  for (let step = 0; step < 10; step++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(at, { redirect: 'manual', headers: cookie === '' ? {} : { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    await answer.body?.cancel();
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`${at} answers ${answer.status} and leads nowhere`);
    at = new URL(location, at).href;
    if (!at.startsWith(issuer)) return at;
  }
  throw new Error('the provider leads around in circles');
}
