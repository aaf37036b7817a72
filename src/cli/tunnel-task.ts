// What the actions of the `tunnel` commands share: whose API, until when, and which tunnel a person means.
import { ValidationError } from '../errors.ts';
import { findTunnelId, isTunnelId } from '../tunnel/find.ts';
import type { TunnelAccess } from './tunnel-access.ts';
import type { TunnelInputs } from './tunnel-inputs.ts';

/** What an action works with. */
export interface Task {
  readonly inputs: TunnelInputs;
  readonly access: TunnelAccess;
  readonly signal: AbortSignal;
}

/** All are found before anything is done to one. */
export async function findAll(refs: readonly string[], { access, signal }: Task): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const ref of refs) ids.push(await findTunnelId(ref, access, signal));
  return [...new Set(ids)];
}

/** A UUID as the API writes it. Throws ValidationError for anything else. */
export function readId(text: string, where: string): string {
  if (isTunnelId(text)) return text.toLowerCase();
  const message = `${text.slice(0, 80)} is not a valid ID (must be a UUID)`;
  throw new ValidationError({ code: 'E_INPUT_INVALID', message, where });
}
