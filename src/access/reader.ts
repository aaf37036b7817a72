// Reads what a plan needs of an account, and no more: each list costs a call.
import type { ApiSshCa } from '../cloudflare/access-ssh-cas.ts';
import type { AccessApi } from '../cloudflare/client.ts';
import { ApiError } from '../errors.ts';
import type { Diagnostic } from '../model.ts';
import type { PolicySetting } from '../settings/settings.ts';
import type { AccessDirectory, NamedToken } from './directory.ts';
import { formatTokenName, parseTokenName } from './ownership.ts';
import { directoryNeeds } from './policy-rules.ts';
import { type RemoteAccess, readRemote } from './remote.ts';
import { sshCaWarning } from './ssh-ca.ts';

/** Whose account is read, and as whom. */
export interface Reader {
  readonly access: AccessApi;
  readonly account: string;
  readonly owner: string;
}

/** The applications and policies there are. */
export async function readAccess({ access, account, owner }: Reader, signal: AbortSignal): Promise<RemoteAccess> {
  const [applications, policies] = await Promise.all([
    access.applications.list(account, signal),
    access.policies.list(account, signal),
  ]);
  return readRemote(applications, policies, owner);
}

/** The same with the SSH authorities; an API that refuses those is a problem and no reason to stop. */
export async function readAccessWithSshCas(
  reader: Reader,
  problems: Diagnostic[],
  signal: AbortSignal,
): Promise<RemoteAccess> {
  const { access, account, owner } = reader;
  const [applications, policies, sshCas] = await Promise.all([
    access.applications.list(account, signal),
    access.policies.list(account, signal),
    readSshCas(reader, problems, signal),
  ]);
  return readRemote(applications, policies, owner, sshCas);
}

/** Only the lists that a policy in use names something from. */
export async function readDirectory(
  { access, account, owner }: Reader,
  policies: readonly (PolicySetting | undefined)[],
  signal: AbortSignal,
): Promise<AccessDirectory> {
  const needs = directoryNeeds(policies);
  const [groups, loginMethods, tokens] = await Promise.all([
    needs.groups ? access.groups(account, signal) : [],
    needs.loginMethods ? access.loginMethods(account, signal) : [],
    needs.serviceTokens ? access.serviceTokens(account, signal) : [],
  ]);
  return {
    groups,
    loginMethods: loginMethods.map(({ id, name, type }) => ({
      id,
      name,
      ...(type === undefined ? {} : { alias: type }),
    })),
    serviceTokens: tokens.map((token): NamedToken => {
      const short = parseTokenName(owner, token.name);
      const expiresAt = Date.parse(token.expires_at ?? '');
      return {
        id: token.id,
        // One of ours goes by the name it was made under; somebody else's of that name makes it ambiguous.
        name: short ?? token.name,
        ...(short === undefined ? {} : { alias: formatTokenName(owner, short) }),
        ...(Number.isNaN(expiresAt) ? {} : { expiresAt }),
        ...(token.enabled === false ? { isDisabled: true } : {}),
      };
    }),
  };
}

/** No lock depends on them: whatever is wrong with that list, the plan is made without it. */
async function readSshCas(
  { access, account }: Reader,
  problems: Diagnostic[],
  signal: AbortSignal,
): Promise<readonly ApiSshCa[] | undefined> {
  try {
    return await access.sshCas.list(account, signal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Where there has never been one, an API may not know the list at all.
    if (error.status === 404) return [];
    problems.push(sshCaWarning(error));
    return undefined;
  }
}
