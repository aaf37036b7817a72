// Short-lived SSH certificates: what is said when they cannot be prepared, and what a server needs to trust them. Pure.
import type { AppError } from '../errors.ts';
import type { AccessApplication, Diagnostic, ServiceId } from '../model.ts';

/** Where the key goes on the server; any other place will do. */
const keyFile = '/etc/ssh/ca.pub';

/** What is said when an authority cannot be made or read: the lock does not depend on it. */
export function sshCaWarning(error: AppError, application?: AccessApplication, serviceId?: ServiceId): Diagnostic {
  const where = application === undefined ? '' : ` for ${application.domain}`;
  return {
    severity: 'warning',
    code: 'W_SSH_CA',
    message: `short-lived SSH certificates are not prepared${where}: ${error.message}`,
    hint: error.hint ?? 'log in with a key or password as before; the policy guards the entry all the same',
    ...(serviceId === undefined ? {} : { serviceId }),
  };
}

/** What to do on the server that `hostname` leads to. */
export function sshCaInstructions(hostname: string, publicKey: string): string {
  return [
    `# ${hostname}: put this line into ${keyFile} on the server`,
    publicKey,
    '# and these two into its /etc/ssh/sshd_config, then restart sshd',
    'PubkeyAuthentication yes',
    `TrustedUserCAKeys ${keyFile}`,
    '',
  ].join('\n');
}
