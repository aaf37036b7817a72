// The TLS contexts of the embedded edge: one for the tunnel port, one per hostname a visitor names, made on demand.
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import { edgeServerName, probeServerName } from '../../protocol/server-names.ts';
import { type IssuedCertificate, openAuthority } from './authority.ts';
import { keepCertificate, renewBefore } from './kept-certificate.ts';
import type { AlternativeNames } from './x509.ts';

/** Every name a connector may ask the tunnel port for. */
export const tunnelServerNames: readonly string[] = [edgeServerName, 'quic.cftunnel.com', probeServerName];

/** What the tunnel port shows, key and certificate. */
export const tunnelCertificateFile = 'tunnel-server.pem';
/** What visitors are shown when nothing better is known, key and certificate. */
export const visitorCertificateFile = 'visitor-server.pem';

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
  readonly logger: Logger;
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

/** Answers with a certificate, or fails that one handshake: a rejection nobody handles would end the process. */
export function sniCallback(identityFor: (serverName: string) => Promise<TlsIdentity>): SniCallback {
  return (serverName, done) => {
    identityFor(serverName).then(
      ({ context }) => done(null, context),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  };
}

/** Hands out TLS contexts, renewing them as they age. */
export interface Certificates {
  readonly caPem: string;
  /** For connectors. */
  tunnel(): Promise<TlsIdentity>;
  /** For a visitor who sent this SNI, or none. */
  visitor(serverName: string | undefined): Promise<TlsIdentity>;
}

interface Entry {
  readonly identity: Promise<TlsIdentity>;
  /** Until when it is handed out (ms); for ever while it is being made. */
  goodUntil: number;
}

/** Opens the authority (making it the first time); throws E_STATE when its files cannot be used. */
export async function createCertificates(options: CertificateOptions): Promise<Certificates> {
  const { clock, directory, logger } = options;
  const authority = await openAuthority(directory, clock.now());
  const cache = new Map<string, Entry>();

  function identityFor(key: string, make: () => Promise<IssuedCertificate>): Promise<TlsIdentity> {
    const found = cache.get(key);
    cache.delete(key);
    const entry = found !== undefined && clock.now() < found.goodUntil ? found : start(key, make());
    cache.set(key, entry);
    if (cache.size > (options.maxCached ?? defaultMaxCached)) evictOldest(cache);
    return entry.identity;
  }

  /** Everybody who asks meanwhile waits for the same certificate. */
  function start(key: string, made: Promise<IssuedCertificate>): Entry {
    const identity = made.then((issued) => {
      // Nothing better can be had when the authority itself ends.
      if (issued.expiresAt < authority.expiresAt) entry.goodUntil = issued.expiresAt - renewBefore;
      return identify(issued);
    });
    const entry: Entry = { identity, goodUntil: Number.POSITIVE_INFINITY };
    // Whoever asked sees the error; whoever asks next must not.
    identity.catch(() => {
      if (cache.get(key) === entry) cache.delete(key);
    });
    return entry;
  }

  const keep = (file: string, names: AlternativeNames) => () =>
    keepCertificate({ path: join(directory, file), names, authority, logger, now: clock.now() });
  const makeTunnel = keep(tunnelCertificateFile, { dns: tunnelServerNames });
  const makeFallback = keep(visitorCertificateFile, {
    dns: [...new Set([...options.domains, 'localhost'])].flatMap((domain) => [domain, `*.${domain}`]),
    ip: ['127.0.0.1', '::1'],
  });

  return {
    caPem: authority.caPem,
    tunnel: () => identityFor(':tunnel', makeTunnel),
    visitor: async (serverName) => {
      const hostname = serverName?.toLowerCase();
      // A scanner inventing names gets the one shared certificate: no work and no memory per name.
      if (hostname === undefined || !isHostname(hostname) || !options.isRouted(hostname))
        return identityFor(':visitor', makeFallback);
      return identityFor(hostname, () => authority.issue({ dns: [hostname] }, clock.now()));
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
