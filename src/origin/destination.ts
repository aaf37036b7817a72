// A destination a client names (bastion, SOCKS): looked up, judged, and dialled at the very address that was judged.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { OriginError } from '../errors.ts';
import type { IpPolicy } from '../ingress/ip-rules.ts';

/** Host and port as a client wrote them; the host may be a name. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** A destination that no rule allows; everything else that can go wrong is a plain OriginError. */
export class ForbiddenDestination extends OriginError {}

/** The address to dial: the first one of the host that the policy allows. Rejects with an OriginError. */
export async function findDestination({ host, port }: Destination, policy: IpPolicy): Promise<Destination> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new OriginError({
      code: 'E_ORIGIN_FAILED',
      message: 'the client named a destination without a usable port',
      where: host.slice(0, 255),
      hint: 'name it as host:port',
    });
  const addresses = isIP(host) === 0 ? await resolveName(host) : [host];
  // A name is looked up once: asked again for the dialling, its owner could answer with an address nobody judged.
  const allowed = addresses.find((address) => policy.check(address, port).allowed);
  if (allowed !== undefined) return { host: allowed, port };
  throw new ForbiddenDestination({
    code: 'E_ORIGIN_FAILED',
    message: 'the client named a destination that no rule allows',
    where: `${host.slice(0, 255)}:${port}`,
    hint: 'originRequest.ipRules says which addresses may be reached',
  });
}

async function resolveName(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new OriginError({
      code: 'E_ORIGIN_UNREACHABLE',
      message: 'the name of the destination cannot be found',
      where: host.slice(0, 255),
      retryable: true,
      cause,
    });
  }
}
