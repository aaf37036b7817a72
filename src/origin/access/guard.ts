// originRequest.access: an origin behind a check of the Access token each request must carry.

import type { Clock } from '../../clock.ts';
import { AppError, OriginError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { OriginAccess } from '../../model.ts';
import type { Exchange, Origin } from '../exchange.ts';
import { fetchTeamKeys } from './fetch-keys.ts';
import { createTeamKeys, type TeamKeys } from './keys.ts';
import type { AccessTeam, AccessTeams } from './team.ts';
import { tokenProblem } from './token.ts';

/** Puts origins behind the check; the rules of one connector share each team's keys. */
export interface AccessGuard {
  /** The origin as it is when the rule requires nothing. */
  guard(origin: Origin, access: OriginAccess | undefined): Origin;
}

/** What the guard needs. */
export interface AccessGuardOptions {
  readonly teams: AccessTeams;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The header in which Access hands its token on; like cloudflared nothing is looked for in cookies. */
const assertionHeader = 'cf-access-jwt-assertion';

/** Teams kept, each with its keys; rules come and go. */
const maxTeams = 32;

interface KnownTeam {
  readonly team: AccessTeam;
  readonly keys: TeamKeys;
}

/** No key is fetched before a request needs it. */
export function createAccessGuard({ teams, clock, logger }: AccessGuardOptions): AccessGuard {
  const known = new Map<string, KnownTeam>();

  function findTeam(name: string): KnownTeam | undefined {
    const found = known.get(name);
    if (found !== undefined) return found;
    const team = teams(name);
    if (team === undefined) return undefined;
    const added = { team, keys: createTeamKeys(() => fetchTeamKeys(team), clock) };
    if (known.size >= maxTeams) known.clear();
    known.set(name, added);
    return added;
  }

  /** Why a request may not pass. */
  async function objection(exchange: Exchange, access: OriginAccess): Promise<string | undefined> {
    const audiences = access.audTag ?? [];
    // cloudflared allows a rule that requires a token but names no team yet; it serves nobody.
    if (audiences.length === 0) return 'the rule names no audTag, so no token is for it';
    const found = findTeam(access.teamName ?? '');
    if (found === undefined) return 'the rule names no Access team';
    const token = onlyHeader(exchange.headers, assertionHeader);
    if (token === undefined) return 'it carries no Access token, or several';
    const { issuer } = found.team;
    return await tokenProblem(token, { issuer, audiences, keys: found.keys, now: clock.now() });
  }

  async function serveChecked(exchange: Exchange, origin: Origin, access: OriginAccess): Promise<void> {
    try {
      const reason = await objection(exchange, access);
      if (exchange.closed) return;
      if (reason === undefined) origin.serve(exchange);
      else {
        logger.warn({ host: exchange.host, reason }, 'a request was refused: originRequest.access');
        refuse(exchange);
      }
    } catch (error) {
      exchange.fail(error instanceof OriginError ? error : cannotTell(error));
    }
  }

  return {
    guard(origin, access) {
      if (access?.required !== true) return origin;
      return {
        serve: (exchange) => void serveChecked(exchange, origin, access),
        retire: () => origin.retire(),
      };
    },
  };
}

/** The value of a header that is there exactly once. */
function onlyHeader(headers: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== name) continue;
    if (found !== undefined) return undefined;
    found = headers[i + 1];
  }
  return found;
}

function refuse(exchange: Exchange): void {
  exchange.respond(403, ['Content-Length', '0', 'Cache-Control', 'no-store']);
  exchange.end();
}

function cannotTell(cause: unknown): OriginError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new OriginError({
    code: cause instanceof AppError ? cause.code : 'E_ORIGIN_FAILED',
    message: `the Access token could not be checked: ${reason}`,
    cause,
  });
}
