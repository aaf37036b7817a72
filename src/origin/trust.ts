// Which certificate authorities are trusted: the system's and Node's own, and a rule's `caPool` beside them.
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { OriginError } from '../errors.ts';

let roots: readonly string[] | undefined;
let rootContext: SecureContext | undefined;

/** The authorities of the system and those Node carries, so that a slim image works and a home CA counts. */
export function trustedRoots(): readonly string[] {
  roots ??= [...new Set([...getCACertificates('bundled'), ...getCACertificates('system')])];
  return roots;
}

/** A TLS context that trusts the roots, and the certificates in the file `caPool` when there is one. */
export function createTrust(caPool: string | undefined): SecureContext {
  if (caPool === undefined || caPool === '') {
    // Parsing some 300 certificates takes tens of milliseconds; every rule without a pool of its own shares the result.
    rootContext ??= createSecureContext({ ca: [...trustedRoots()] });
    return rootContext;
  }
  try {
    return createSecureContext({ ca: [...trustedRoots(), readFileSync(caPool, 'utf8')] });
  } catch (cause) {
    throw new OriginError({
      code: 'E_ORIGIN_FAILED',
      message: 'the certificates of originRequest.caPool cannot be used',
      where: caPool,
      hint: 'name a readable file with PEM certificates',
      cause,
    });
  }
}
