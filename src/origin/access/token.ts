// Judges one Access token: signed by the team, for one of the rule's applications, and valid now.
import type { JWTVerifyGetKey } from 'jose';
import type { TeamKeys } from './keys.ts';

/** What a rule asks of a token. */
export interface TokenDemand {
  readonly issuer: string;
  /** The token must be for one of them. */
  readonly audiences: readonly string[];
  readonly keys: TeamKeys;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Access's own are 1 to 2 KB; nothing longer is looked at. */
const maxTokenLength = 16_384;
/** How far this machine's clock and Access's may be apart. */
const clockToleranceSeconds = 30;

/** Why a token does not count; undefined when it does. Rejects when there are no keys to tell. */
export async function tokenProblem(token: string, demand: TokenDemand): Promise<string | undefined> {
  if (token.length > maxTokenLength) return 'the token is too long';
  const { createLocalJWKSet, errors, jwtVerify } = await import('jose');
  const set = await demand.keys.current();

  async function problemWith(getKey: JWTVerifyGetKey): Promise<string | undefined | 'unknown key'> {
    try {
      await jwtVerify(token, getKey, {
        // Ours to choose, never the token's: Access signs with nothing else.
        algorithms: ['RS256'],
        issuer: demand.issuer,
        audience: [...demand.audiences],
        requiredClaims: ['exp'],
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(demand.now),
      });
      return undefined;
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return 'unknown key';
      // Whatever else is wrong is the token's or a key's fault, and both come from outside.
      return error instanceof Error ? error.message : 'it cannot be read';
    }
  }
  const keyed = (keys: typeof set) => createLocalJWKSet({ keys: [...keys.keys] });
  const problem = await problemWith(keyed(set));
  if (problem !== 'unknown key') return problem;
  const newer = await demand.keys.newer(set);
  return newer === set ? 'it names a key the team does not have' : await problemWith(keyed(newer));
}
