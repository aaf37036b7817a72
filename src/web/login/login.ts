// Logging in at the page: with the password of the settings, or with the token of the data directory; not too often, not too many at once.
import type { Clock } from '../../clock.ts';
import { createPasswordCheck } from '../../edge/gate/passwords.ts';
import { isSameSecret } from '../secret.ts';
import { createSessions, type Sessions } from './sessions.ts';

/** What came of a try: a new session's secret, or how long to wait. */
export type LoginOutcome =
  | { readonly kind: 'in'; readonly session: string }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'later'; readonly seconds: number };

/** The page's login. */
export interface Login {
  readonly sessions: Sessions;
  /** Whether a password is set; without one only the token lets in. */
  readonly hasPassword: boolean;
  try(password: string, address: string): Promise<LoginOutcome>;
}

/** What the login knows. */
export interface LoginOptions {
  /** Secret. */
  readonly token: string;
  /** As `sallyport edge hash-password` prints it; secret. */
  readonly passwordHash: string | undefined;
  readonly clock: Clock;
}

/** The one there is. */
const person = 'owner';

/** A login with a count of its own. */
export function createLogin({ token, passwordHash, clock }: LoginOptions): Login {
  const sessions = createSessions(clock.now);
  const passwords = createPasswordCheck(clock);
  const users = passwordHash === undefined ? [] : [{ email: person, passwordHash }];
  return {
    sessions,
    hasPassword: passwordHash !== undefined,
    async try(password, address) {
      // 256 random bits need no protection from guessing, and must work while a guesser has used up everybody's tries.
      if (isSameSecret(password.trim(), token)) return { kind: 'in', session: sessions.begin('token holder') };
      const outcome = await passwords.check({ address, email: person, password }, { users, sessionMs: undefined });
      if (outcome.kind !== 'right') return outcome;
      return { kind: 'in', session: sessions.begin(person) };
    },
  };
}
