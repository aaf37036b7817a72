// `access ssh-ca`: what a server needs to trust the short-lived certificates of those whom a policy let in.
import type { Command } from 'commander';
import { splitPlace } from '../access/places.ts';
import { sshCaInstructions } from '../access/ssh-ca.ts';
import type { ApiAccessApplication } from '../cloudflare/access-applications.ts';
import type { ApiSshCa } from '../cloudflare/access-ssh-cas.ts';
import { ValidationError } from '../errors.ts';
import type { CliIo } from './io.ts';
import { globalOptions } from './settings-input.ts';

/** Adds the command to `access`. */
export function addSshCaCommand(access: Command, program: Command, io: CliIo): void {
  access
    .command('ssh-ca [hostname]')
    .description('print the key and the sshd lines that make a server trust short-lived certificates')
    .action(async (hostname: string | undefined) => {
      const { signal } = new AbortController();
      const { openAccessAccount } = await import('./access-account.ts');
      const account = await openAccessAccount(program, { forWriting: false }, signal);
      const [applications, cas] = await Promise.all([
        account.access.applications.list(account.account, signal),
        account.access.sshCas.list(account.account, signal),
      ]);
      const chosen = choose(keysByHostname(applications, cas), hostname?.toLowerCase());
      if (globalOptions(program).json === true) io.out(`${JSON.stringify(chosen, null, 2)}\n`);
      else io.out(chosen.map((one) => sshCaInstructions(one.hostname, one.publicKey)).join('\n'));
    });
}

interface HostKey {
  readonly hostname: string;
  readonly publicKey: string;
}

/** One line of a key file: what is pasted into a server's configuration must not bring lines of its own. */
const keyLine = /^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [!-~]+)?$/;

function keysByHostname(applications: readonly ApiAccessApplication[], cas: readonly ApiSshCa[]): readonly HostKey[] {
  const keys = new Map(cas.flatMap(({ aud, public_key }) => (aud === undefined ? [] : [[aud, public_key] as const])));
  return applications
    .flatMap(({ aud, domain }) => {
      const publicKey = aud === undefined ? undefined : keys.get(aud)?.trim();
      if (publicKey === undefined || domain === undefined || !keyLine.test(publicKey)) return [];
      return { hostname: splitPlace(domain).host, publicKey };
    })
    .toSorted((a, b) => (a.hostname < b.hostname ? -1 : 1));
}

function choose(keys: readonly HostKey[], hostname: string | undefined): readonly HostKey[] {
  const chosen = hostname === undefined ? keys : keys.filter((one) => one.hostname === hostname);
  if (chosen.length > 0) return chosen;
  const there = keys.length === 0 ? '' : `; there is one for ${keys.map((one) => one.hostname).join(', ')}`;
  throw new ValidationError({
    code: 'E_INPUT_INVALID',
    message:
      hostname === undefined
        ? 'no entry has an authority for short-lived SSH certificates'
        : `${hostname.slice(0, 253)} has no authority for short-lived SSH certificates${there}`,
    hint: 'guard an ssh entry with a policy: the next pass makes one',
  });
}
