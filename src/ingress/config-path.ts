// Where cloudflared looks for its configuration when none is named. Pure.
import { join } from 'node:path';

/** The candidates in order; `home` is the user's home directory. */
export function cloudflaredConfigPaths(home: string): readonly string[] {
  const directories = [
    join(home, '.cloudflared'),
    join(home, '.cloudflare-warp'),
    join(home, 'cloudflare-warp'),
    '/etc/cloudflared',
    '/usr/local/etc/cloudflared',
  ];
  return directories.flatMap((directory) => [join(directory, 'config.yml'), join(directory, 'config.yaml')]);
}
