// An Access team of a test's own: signs tokens and publishes its keys on loopback.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { TestContext } from 'node:test';
import { SignJWT } from 'jose';
import type { AccessTeams } from '../../../src/origin/access/team.ts';
import { startOrigin } from '../../connector/native/rig.ts';

/** A key pair with the id its tokens name. */
export interface IssuerKey {
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** The team. */
export interface Issuer {
  readonly teams: AccessTeams;
  readonly issuer: string;
  /** The keys being published. */
  readonly keys: IssuerKey[];
  /** How often they were asked for. */
  readonly fetched: number;
  /** Answers with this instead of the keys. */
  broken: { readonly status: number; readonly body: string } | undefined;
  /** A good token unless the claims say otherwise. */
  sign(claims?: Readonly<Record<string, unknown>>, key?: IssuerKey): Promise<string>;
}

/** A new RSA pair; making one takes long enough to be shared. */
export function createKey(kid: string): IssuerKey {
  return { kid, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}

/** The application the tokens are for. */
export const audience = 'f'.repeat(64);

/** Starts one with a key. */
export async function startIssuer(t: TestContext, key: IssuerKey): Promise<Issuer> {
  const issuer = 'https://home.cloudflareaccess.com';
  let fetched = 0;
  const own: Issuer = {
    issuer,
    keys: [key],
    get fetched() {
      return fetched;
    },
    broken: undefined,
    teams: (name) => (name === 'home' ? { issuer, certsUrl: `${url}/cdn-cgi/access/certs` } : undefined),
    sign: (claims = {}, by = key) => {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({ aud: [audience], iss: issuer, iat: now, exp: now + 600, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: by.kid })
        .sign(by.privateKey);
    },
  };
  const url = await startOrigin(t, (request, response) => {
    fetched++;
    if (own.broken !== undefined || request.url !== '/cdn-cgi/access/certs') {
      response.writeHead(own.broken?.status ?? 404).end(own.broken?.body);
      return;
    }
    const keys = own.keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256' }));
    response.end(JSON.stringify({ keys }));
  });
  return own;
}
