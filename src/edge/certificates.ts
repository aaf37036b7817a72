// The TLS contexts of the embedded edge: one for the tunnel port, one per hostname a visitor names, made on demand.
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../clock.ts';
import { edgeServerName, probeServerName } from '../protocol/server-names.ts';
import { type IssuedCertificate, openAuthority } from './authority.ts';
import type { AlternativeNames } from './x509.ts';

/** Every name a connector may ask the tunnel port for. */
export const tunnelServerNames: readonly string[] = [edgeServerName, 'quic.cftunnel.com', probeServerName];

/** 127.0.0.1 and ::1. */
const loopback = [Uint8Array.of(127, 0, 0, 1), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)];

/** A certificate is replaced when this much of its life is left (ms). */
const renewBefore = 30 * 24 * 60 * 60 * 1000;

const defaultMaxCached = 512;

/** What certificates are made for, and where the authority is kept. */
export interface CertificateOptions {
  readonly directory: string;
  /** Each of these and its direct subdomains share the certificate shown when nothing better is known. */
  readonly domains: readonly string[];
  /** True for hostnames that have a record: only those get a certificate of their own. */
  readonly isRouted: (hostname: string) => boolean;
  /** How many certificates are kept (512 by default); the one unused for longest goes first. */
  readonly maxCached?: number;
  readonly clock: Clock;
}

/** A certificate ready to be shown, in both forms node:tls wants. */
export interface TlsIdentity {
  readonly context: SecureContext;
  readonly cert: string;
  readonly key: string;
}

/** What node:tls calls with the name a client asks for. */
export type SniCallback = (serverName: string, done: (error: Error | null, context?: SecureContext) => void) => void;

/** Answers with a certificate, or fails that one handshake: an exception in here would end the process. */
export function sniCallback(identityFor: (serverName: string) => TlsIdentity): SniCallback {
  return (serverName, done) => {
    let context: SecureContext;
    try {
      context = identityFor(serverName).context;
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    done(null, context);
  };
}

/** Hands out TLS contexts, renewing them as they age. */
export interface Certificates {
  readonly caPem: string;
  /** For connectors. */
  tunnel(): TlsIdentity;
  /** For a visitor who sent this SNI, or none. */
  visitor(serverName: string | undefined): TlsIdentity;
}

interface Entry {
  readonly identity: TlsIdentity;
  readonly expiresAt: number;
}

/** Opens the authority (making it the first time); throws E_STATE when its files cannot be used. */
export async function createCertificates(options: CertificateOptions): Promise<Certificates> {
  const { clock } = options;
  const authority = await openAuthority(options.directory, clock.now());
  const cache = new Map<string, Entry>();

  function identityFor(key: string, names: AlternativeNames): TlsIdentity {
    const found = cache.get(key);
    cache.delete(key);
    const entry = found !== undefined && clock.now() < found.expiresAt - renewBefore ? found : issue(names);
    cache.set(key, entry);
    if (cache.size > (options.maxCached ?? defaultMaxCached)) evictOldest(cache);
    return entry.identity;
  }

  function issue(names: AlternativeNames): Entry {
    const issued = authority.issue(names, clock.now());
    return { identity: identify(issued), expiresAt: issued.expiresAt };
  }

  const fallback: AlternativeNames = {
    dns: [...new Set([...options.domains, 'localhost'])].flatMap((domain) => [domain, `*.${domain}`]),
    ip: loopback,
  };

  return {
    caPem: authority.caPem,
    tunnel: () => identityFor(':tunnel', { dns: tunnelServerNames }),
    visitor: (serverName) => {
      const hostname = serverName?.toLowerCase();
      // A scanner inventing names gets the one shared certificate: no work and no memory per name.
      if (hostname === undefined || !isHostname(hostname) || !options.isRouted(hostname))
        return identityFor(':visitor', fallback);
      return identityFor(hostname, { dns: [hostname] });
    },
  };
}

function evictOldest(cache: Map<string, Entry>): void {
  for (const key of cache.keys()) {
    cache.delete(key);
    return;
  }
}

function identify(certificate: IssuedCertificate): TlsIdentity {
  const pair = { cert: certificate.certPem, key: certificate.keyPem };
  return { ...pair, context: createSecureContext({ ...pair, minVersion: 'TLSv1.2' }) };
}

function isHostname(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(name);
}
