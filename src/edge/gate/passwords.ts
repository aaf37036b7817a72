// Checks passwords of people who log in: not too often, not too many at once, and so that nobody learns who exists.
import type { Clock } from '../../clock.ts';
import { maxPasswordBytes, verifyPassword } from '../password-hash.ts';
import { createLoginAttempts } from './attempts.ts';
import { findUser, type LoginSettings, type LoginUser } from './people.ts';

/** One try. */
export interface PasswordTry {
  readonly address: string;
  readonly email: string;
  readonly password: string;
}

/** What came of it. */
export type PasswordOutcome =
  | { readonly kind: 'right'; readonly user: LoginUser }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'later'; readonly seconds: number };

/** Checks passwords. */
export interface PasswordCheck {
  check(one: PasswordTry, login: LoginSettings): Promise<PasswordOutcome>;
}

/** One check takes 32 MiB and a good part of a core. */
const maxRunning = 2;
const maxWaiting = 16;
const busySeconds = 5;

/** Checks with a count of their own. */
export function createPasswordCheck(clock: Clock): PasswordCheck {
  const attempts = createLoginAttempts(clock.now);
  const waiting: (() => void)[] = [];
  let running = 0;

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= maxRunning) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The next one takes the place over, or it is free.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  }

  async function check({ address, email, password }: PasswordTry, login: LoginSettings): Promise<PasswordOutcome> {
    const key = email.trim().toLowerCase().slice(0, 320);
    const seconds = attempts.take(address, key);
    if (seconds !== undefined) return { kind: 'later', seconds };
    if (waiting.length >= maxWaiting) return { kind: 'later', seconds: busySeconds };
    if (Buffer.byteLength(password) > maxPasswordBytes) return { kind: 'wrong' };
    const user = findUser(login, key);
    const isRight = await inTurn(() => verifyPassword(password, user?.passwordHash));
    if (!isRight || user === undefined) return { kind: 'wrong' };
    attempts.forgive(address, key);
    return { kind: 'right', user };
  }

  return { check };
}
