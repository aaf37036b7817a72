// Whom a connector believes to be the edge.
import { createSecureContext, type SecureContext } from 'node:tls';
import { EdgeError } from '../../errors.ts';
import { trustedRoots } from '../../origin/trust.ts';

/** Trusts the authorities in `caPem` alone, or the system's. Throws an EdgeError that trying again cannot mend. */
export function edgeTrust(caPem: string | undefined): SecureContext {
  try {
    return createSecureContext({ ca: caPem ?? [...trustedRoots()] });
  } catch (cause) {
    throw new EdgeError({
      code: 'E_CONNECTOR',
      message: "the edge's certificate authority cannot be read",
      hint: 'it must be PEM (--edge-ca FILE)',
      permanent: true,
      cause,
    });
  }
}
