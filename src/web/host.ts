// Under which names the page may be asked for: a name of somebody else's that leads to this machine lets their page read ours (DNS rebinding). Pure.
import { isIP } from 'node:net';

/**
 * True for a `Host` no other site's page can have a browser send: none, an address, localhost and names below it, and this
 * machine's `ownNames`; any port.
 */
export function isOwnHost(header: string | undefined, ownNames: readonly string[]): boolean {
  if (header === undefined || header === '') return true;
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  if (plain === undefined) return false;
  const name = plain.toLowerCase().replace(/\.$/, '');
  if (isIP(name) === 4 || name === 'localhost' || name.endsWith('.localhost')) return true;
  return ownNames.some((own) => own.toLowerCase() === name);
}
