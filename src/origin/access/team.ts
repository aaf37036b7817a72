// Who signs the tokens of an Access team, and where the keys to check them are. Pure.

/** A team as a connector needs to know it. */
export interface AccessTeam {
  /** What a token's `iss` must be. */
  readonly issuer: string;
  /** Answers with the team's public keys as a JWK set; HTTPS, or HTTP on this machine. */
  readonly certsUrl: string;
  /** Whom to trust there; undefined: the system's authorities. */
  readonly caPem?: string | undefined;
}

/** Finds a team by the name a rule gives; undefined: there cannot be one of that name. */
export type AccessTeams = (teamName: string) => AccessTeam | undefined;

/** One DNS label: anything else would ask a host that is not Cloudflare's. */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Cloudflare's teams: `<name>.cloudflareaccess.com`. */
export function cloudflareTeam(teamName: string): AccessTeam | undefined {
  if (!label.test(teamName)) return undefined;
  const issuer = `https://${teamName.toLowerCase()}.cloudflareaccess.com`;
  return { issuer, certsUrl: `${issuer}/cdn-cgi/access/certs` };
}
