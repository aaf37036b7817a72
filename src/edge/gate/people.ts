// Who may log in with a password: the people of the settings, looked up when needed, because the settings change.
import { createHmac } from 'node:crypto';

/** One person of `embedded_edge.login.users`. */
export interface LoginUser {
  readonly email: string;
  /** A secret, though a slow one to undo. */
  readonly passwordHash: string;
}

/** How people log in at this edge besides the identity providers its API keeps. */
export interface LoginSettings {
  readonly users: readonly LoginUser[];
  /** The longest a login lasts, whatever a policy says; undefined: as long as the policy says. */
  readonly sessionMs: number | undefined;
}

/** The login method of people with passwords, as tokens and policies name it. */
export const passwordLogin = 'sallyport-users';

/** The person of that address, in whatever case it is written. */
export function findUser({ users }: LoginSettings, email: string): LoginUser | undefined {
  const wanted = email.trim().toLowerCase();
  return users.find((user) => user.email.toLowerCase() === wanted);
}

/** Changes with the password, so that sessions begun with another one end; says nothing about the password. */
export function passwordMark({ email, passwordHash }: LoginUser): string {
  return createHmac('sha256', passwordHash).update(email.toLowerCase()).digest('hex').slice(0, 16);
}
