// What a policy may name of an account: groups, login methods and service tokens, found by name or id. Pure.
import { nearest } from '../nearest.ts';

/** Something of the account that a policy may name. */
export interface Named {
  readonly id: string;
  readonly name: string;
  /** Another word for it, which counts where nothing has that name. */
  readonly alias?: string;
}

/** A service token, as far as policies care. */
export interface NamedToken extends Named {
  /** Milliseconds; absent when the API does not say. */
  readonly expiresAt?: number;
  readonly isDisabled?: boolean;
}

/** What the account has. */
export interface AccessDirectory {
  readonly groups: readonly Named[];
  readonly loginMethods: readonly Named[];
  readonly serviceTokens: readonly NamedToken[];
}

/** What can be looked up. */
export type NamedKind = 'Access group' | 'login method' | 'service token';

/** The one that is meant, or why there is none: a problem that follows "policy x …", and how to mend it. */
export type Lookup<T extends Named> = { readonly found: T } | { readonly problem: string; readonly hint: string };

/** Finds by id, else by name, else by alias; whatever is in doubt is not found. */
export function findNamed<T extends Named>(kind: NamedKind, wanted: string, known: readonly T[]): Lookup<T> {
  const byId = known.find((one) => one.id === wanted);
  if (byId !== undefined) return { found: byId };
  const byName = known.filter((one) => one.name === wanted);
  const matches = byName.length > 0 ? byName : known.filter((one) => one.alias === wanted);
  const [first] = matches;
  const name = `"${shown(wanted)}"`;
  if (first === undefined)
    return { problem: `names the ${kind} ${name}, which does not exist`, hint: hintFor(kind, wanted, known) };
  if (matches.length === 1) return { found: first };
  const ids = matches.slice(0, maxListed).map(({ id }) => id);
  return {
    problem: `names the ${kind} ${name}, of which there are several`,
    hint: `name it by its id: ${ids.join(' or ')}`,
  };
}

const maxListed = 20;

function hintFor(kind: NamedKind, wanted: string, known: readonly Named[]): string {
  const names = known.map(({ id, name, alias }) => name || alias || id);
  const close = nearest(wanted, names);
  const create = kind === 'service token' ? 'make it with `sallyport access token create`' : 'create it at Cloudflare';
  if (close !== undefined) return `did you mean ${shown(close)}?`;
  if (names.length === 0) return `there is no ${kind} at all: ${create}`;
  const more = names.length > maxListed ? `, and ${names.length - maxListed} more` : '';
  return `${create}, or mend the name: there is ${names.slice(0, maxListed).map(shown).join(', ')}${more}`;
}

/** Somebody else's text, made fit for a message. */
function shown(text: string): string {
  return text.slice(0, 80).replaceAll(/\p{C}/gu, '·');
}
