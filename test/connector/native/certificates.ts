// A certificate authority of a test's own, in a directory that goes with it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAuthority } from '../../../src/edge/certificates/authority.ts';

/** PEM texts. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority that issues certificates for the names given. */
export interface TestAuthority {
  readonly caPem: string;
  issue(dns: readonly string[]): Promise<TestCertificate>;
}

/** A new authority. */
export async function createTestAuthority(): Promise<TestAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  const authority = await openAuthority(directory, Date.now());
  await rm(directory, { recursive: true });
  return {
    caPem: authority.caPem,
    async issue(dns) {
      const { certPem, keyPem } = await authority.issue({ dns }, Date.now());
      return { cert: certPem, key: keyPem };
    },
  };
}
