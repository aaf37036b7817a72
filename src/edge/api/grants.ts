// Tokens that may not do everything: what each request needs, in the dashboard's words, and whether a token has it. Pure.

/** A token beside the one that may do everything. */
export interface RestrictedToken {
  /** A secret. */
  readonly token: string;
  /** As the dashboard writes them: `Zone > DNS > Edit`. Edit includes Read. */
  readonly permissions: readonly string[];
  /** The zones it is for; left out: all. */
  readonly zones?: readonly string[];
  /** `active` when left out; others are refused everywhere but where tokens are verified. */
  readonly status?: 'active' | 'disabled' | 'expired';
  readonly notBefore?: string;
  readonly expiresOn?: string;
  /** Belongs to the account instead of a user: verified at another place. */
  readonly isAccountOwned?: boolean;
}

/** What a request needs. */
export interface Need {
  /** Without the level: `Zone > DNS`. */
  readonly group: string;
  readonly level: 'Read' | 'Edit';
  /** The zone it is about. */
  readonly zoneId?: string | undefined;
}

const dns = 'Zone > DNS';
const tunnels = 'Account > Cloudflare Tunnel';

/** Which group a path below `/client/v4` belongs to, first match wins; `edit` where reading gives a secret away. */
const groups: readonly (readonly [path: RegExp, group: string, edit?: true])[] = [
  [/^\/zones\/([^/]+)\/dns_records\b/, dns],
  [/^\/zones\/([^/]+)\/tunnels\//, dns],
  [/^\/zones\/([^/]+)$/, 'Zone > Zone'],
  [/^\/accounts\/[^/]+\/cfd_tunnel\/[^/]+\/token$/, tunnels, true],
  [/^\/accounts\/[^/]+\/cfd_tunnel\b/, tunnels],
  [/^\/accounts\/[^/]+\/access\/service_tokens\b/, 'Account > Access: Service Tokens'],
  [
    /^\/accounts\/[^/]+\/access\/(?:groups|identity_providers|organizations)\b/,
    'Account > Access: Organizations, Identity Providers, and Groups',
  ],
  [/^\/accounts\/[^/]+\/access\b/, 'Account > Access: Apps and Policies'],
  [/^\/accounts\/[^/]+$/, 'Account > Account Settings'],
];

/** What a request needs; undefined for those every valid token may make: verifying itself, and lists that show only what it may see. */
export function needOf(method: string, path: string): Need | undefined {
  if (path === '/zones' && method !== 'GET') return { group: 'Zone > Zone', level: 'Edit' };
  for (const [pattern, group, edit] of groups) {
    const match = pattern.exec(path);
    if (match !== null) return { group, level: method === 'GET' && edit !== true ? 'Read' : 'Edit', zoneId: match[1] };
  }
  return undefined;
}

/** Whether the token may; `zoneName` is the name of the zone the request is about. */
export function isGranted(token: RestrictedToken, need: Need, zoneName: string | undefined): boolean {
  if (need.zoneId !== undefined && !seesZone(token, zoneName)) return false;
  return hasPermission(token, need.group, need.level);
}

/** Whether the token is for this zone. */
export function seesZone(token: RestrictedToken, zoneName: string | undefined): boolean {
  return token.zones === undefined || (zoneName !== undefined && token.zones.includes(zoneName));
}

/** Whether the token has a group at a level. */
export function hasPermission(token: RestrictedToken, group: string, level: 'Read' | 'Edit'): boolean {
  return (
    token.permissions.includes(`${group} > Edit`) || (level === 'Read' && token.permissions.includes(`${group} > Read`))
  );
}

/** The permissions as Cloudflare lists them on a zone. */
export function zonePermissions(token: RestrictedToken | undefined): readonly string[] {
  if (token === undefined) return ['#zone:read', '#dns_records:edit', '#dns_records:read'];
  const shown = [
    ['#zone', 'Zone > Zone'],
    ['#dns_records', dns],
  ] as const;
  return shown.flatMap(([name, group]) => [
    ...(hasPermission(token, group, 'Edit') ? [`${name}:edit`] : []),
    ...(hasPermission(token, group, 'Read') ? [`${name}:read`] : []),
  ]);
}
