// The environment cloudflared is started with: only what is named here. Pure.

/**
 * Everything else stays behind. cloudflared takes every flag from a variable too (`TUNNEL_…`, but also `NO_AUTOUPDATE`), and sends
 * requests to origins through `HTTP_PROXY` and its relatives, in either case; our own secrets have no business there either.
 */
const kept = ['PATH', 'TZ', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'TMPDIR'];

/** The variables of `own` that cloudflared may see; `home` keeps it from reading files of the user who runs us. */
export function cloudflaredEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  home: string,
): Record<string, string> {
  const environment: Record<string, string> = { HOME: home };
  for (const name of kept) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
