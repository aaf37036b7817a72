// Where the edge can be dialled: addresses a person gave, or Cloudflare's, found in DNS.
import { lookup, resolveSrv } from 'node:dns/promises';
import { EdgeError, ValidationError } from '../../errors.ts';
import type { EdgeAddress } from '../../model.ts';
import { cloudflareResolver, resolveSrvOverTls } from './dns-over-tls.ts';

/** Finds the addresses; called at start and again when dialling fails. Rejects with an EdgeError that may pass. */
export type EdgeAddresses = (signal?: AbortSignal) => Promise<readonly EdgeAddress[]>;

/** What discovery asks of DNS; `node:dns/promises` has this shape. */
export interface EdgeResolver {
  resolveSrv(
    name: string,
  ): Promise<readonly { readonly name: string; readonly port: number; readonly priority: number }[]>;
  lookup(
    host: string,
    options: { all: true },
  ): Promise<readonly { readonly address: string; readonly family: number }[]>;
}

const systemResolver: EdgeResolver = { resolveSrv, lookup };

/** Asked for SRV records when the first resolver fails. */
export type SrvFallback = (
  name: string,
  signal?: AbortSignal,
) => Promise<readonly { readonly name: string; readonly port: number; readonly priority: number }[]>;

const publicResolver: SrvFallback = (name, signal) => resolveSrvOverTls(name, cloudflareResolver, signal);

/** Each text is one slot, the same one twice is two. Throws ValidationError for a text that is not `host:port`. */
export function staticEdges(texts: readonly string[], resolver: EdgeResolver = systemResolver): EdgeAddresses {
  const parsed = texts.map(parseHostPort);
  if (parsed.length === 0)
    throw new ValidationError({
      code: 'E_INPUT_INVALID',
      message: 'no edge address was given',
      hint: 'write host:port',
    });
  return () =>
    Promise.all(
      parsed.map(async ({ host, port }, index) => {
        const [first] = await resolveHost(host, resolver);
        if (first === undefined) throw notFound(host, undefined);
        return { host: first.address, port, region: `region${(index % 2) + 1}`, family: asFamily(first.family) };
      }),
    );
}

/** Cloudflare's edge, in one region (`us`, `fed`) or anywhere. Addresses alternate between its two data-centre groups. */
export function discoverEdges(
  region?: string,
  resolver: EdgeResolver = systemResolver,
  fallback: SrvFallback = publicResolver,
): EdgeAddresses {
  const prefix = region === undefined || region === '' ? '' : `${region}-`;
  const name = `_${prefix}v2-origintunneld._tcp.argotunnel.com`;
  return async (signal) => {
    const targets = await findTargets(name, resolver, (asked) => fallback(asked, signal));
    const groups = await Promise.all(
      targets.map(async (target, index) => {
        const found = await resolveHost(target.name, resolver);
        return found.map(({ address, family }) => ({
          host: address,
          port: target.port,
          region: `region${index + 1}`,
          family: asFamily(family),
        }));
      }),
    );
    return interleave(groups.map(preferIPv4));
  };
}

async function findTargets(
  name: string,
  resolver: EdgeResolver,
  fallback: SrvFallback,
): Promise<readonly { name: string; port: number }[]> {
  const found = await askBoth(name, resolver, fallback);
  // cloudflared looks at the first two only: one per region.
  const targets = [...found].sort((a, b) => a.priority - b.priority).slice(0, 2);
  if (targets.length > 0) return targets;
  throw notFound(name, undefined);
}

/** As cloudflared: the machine's own resolver, and when it knows nothing, a public one that the network cannot see into. */
async function askBoth(name: string, resolver: EdgeResolver, fallback: SrvFallback): ReturnType<SrvFallback> {
  const own = await resolver.resolveSrv(name).catch(() => []);
  if (own.length > 0) return own;
  try {
    return await fallback(name);
  } catch (cause) {
    throw notFound(name, cause);
  }
}

async function resolveHost(
  host: string,
  resolver: EdgeResolver,
): Promise<readonly { readonly address: string; readonly family: number }[]> {
  try {
    return await resolver.lookup(host, { all: true });
  } catch (cause) {
    throw notFound(host, cause);
  }
}

function notFound(name: string, cause: unknown): EdgeError {
  return new EdgeError({
    code: 'E_EDGE_UNREACHABLE',
    message: 'the address of the edge cannot be found',
    where: name,
    retryable: true,
    hint: 'does DNS work on this machine?',
    cause,
  });
}

/** IPv6 is often announced and rarely works at home; it counts only where there is nothing else. */
function preferIPv4(addresses: readonly EdgeAddress[]): readonly EdgeAddress[] {
  const v4 = addresses.filter((address) => address.family === 4);
  return v4.length > 0 ? v4 : addresses;
}

function interleave(groups: readonly (readonly EdgeAddress[])[]): readonly EdgeAddress[] {
  const longest = Math.max(0, ...groups.map((group) => group.length));
  const mixed: EdgeAddress[] = [];
  for (let i = 0; i < longest; i++) {
    for (const group of groups) {
      const address = group[i];
      if (address !== undefined) mixed.push(address);
    }
  }
  return mixed;
}

function asFamily(family: number): 4 | 6 {
  return family === 6 ? 6 : 4;
}

const hostPort = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s/]+)):(\d{1,5})$/;

function parseHostPort(text: string): { host: string; port: number } {
  const found = hostPort.exec(text.trim());
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  if (host === undefined || !(port >= 1 && port <= 65_535))
    throw new ValidationError({
      code: 'E_INPUT_INVALID',
      message: `"${text.slice(0, 200)}" is not an edge address`,
      hint: 'write host:port, an IPv6 address in brackets',
    });
  return { host, port };
}
