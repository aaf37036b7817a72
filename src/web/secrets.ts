// Every secret of the settings, to black out where text of others is shown. Pure.
import type { Settings } from '../settings/settings.ts';

/** The secrets there are now. */
export function secretsOf({ cloudflare, embeddedEdge, webLogin }: Settings): readonly string[] {
  const { apiToken, tokens, tunnel } = cloudflare;
  return [
    apiToken,
    ...tokens.map((one) => one.apiToken),
    tunnel.kind === 'token' ? tunnel.token : undefined,
    ...embeddedEdge.login.users.map(({ passwordHash }) => passwordHash),
    webLogin.passwordHash,
  ].filter((secret) => secret !== undefined);
}
