// Where cloudflared keeps its files, and where we look for them. Pure.
import { dirname, join } from 'node:path';

/** cloudflared's folders, in its order; `home` is the user's home directory. */
export function cloudflaredFolders(home: string): readonly string[] {
  return [
    join(home, '.cloudflared'),
    join(home, '.cloudflare-warp'),
    join(home, 'cloudflare-warp'),
    '/etc/cloudflared',
    '/usr/local/etc/cloudflared',
  ];
}

/** Where `tunnel login` writes. */
export function defaultOriginCert(home: string): string {
  return join(home, '.cloudflared', 'cert.pem');
}

/** Where a cert.pem may be when none is named. */
export function originCertPaths(home: string): readonly string[] {
  return cloudflaredFolders(home).map((folder) => join(folder, 'cert.pem'));
}

/** Where a tunnel's credentials file may be: beside the cert.pem, in cloudflared's folders, and in our own data directory. */
export function credentialsPaths(
  tunnelId: string,
  places: { readonly home: string; readonly originCert: string | undefined; readonly dataDir: string },
): readonly string[] {
  const besideCert = places.originCert === undefined ? [] : [dirname(places.originCert)];
  const folders = new Set([...besideCert, ...cloudflaredFolders(places.home), places.dataDir]);
  return [...folders].map((folder) => join(folder, `${tunnelId.toLowerCase()}.json`));
}
