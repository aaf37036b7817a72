// Two tools write `cloudflare.tunnel.…`: whose labels a container has. Pure.

/** Words only DockFlare has after the prefix: a number first, its own spellings, or its access labels. */
const dockflareWords =
  /^cloudflare\.tunnel\.(?:\d+\.|(?:zonename|no_tls_verify|originsrvname|httphostheader|http2_origin|disable_chunked_encoding|match_sni_to_host)$|access\.)/i;

/** Words only docker-cloudflare-tunnel-sync has: `origin.…`, `dns.zone`, a suffix behind a word, or Access labels beside. */
const syncWords = /^cloudflare\.(?:access\.|tunnel\.(?:origin\.|dns\.|(?:enable|hostname|service|path)\.[^.]))/i;

/** Whether the labels under `cloudflare.tunnel.` are the other tool's beyond doubt. */
export function isOthersTunnel(keys: readonly string[], asked: 'dockflare' | 'docker-cloudflare-tunnel-sync'): boolean {
  const isDockflare = keys.some((key) => dockflareWords.test(key));
  const isSync = !isDockflare && keys.some((key) => syncWords.test(key));
  return asked === 'dockflare' ? isSync : isDockflare;
}
