// Service tokens: what programs show at Access instead of logging in. The secret is in the answer that makes it, never again.
import { type Schema, schemaOf } from '../validate.ts';
import type { ApiNamed } from './access-directory.ts';
import type { Caller } from './call.ts';

/** A service token without its secret. */
export interface ApiServiceToken extends ApiNamed {
  readonly client_id?: string;
  /** RFC 3339. */
  readonly expires_at?: string | null;
  /** A Go duration. */
  readonly duration?: string | null;
  readonly enabled?: boolean;
}

/** A service token with its secret, which must never be logged or kept. */
export interface IssuedServiceToken extends ApiServiceToken {
  readonly client_id: string;
  readonly client_secret: string;
}

/** What a service token is made with. */
export interface NewServiceToken {
  readonly name: string;
  /** A Go duration in hours, such as `8760h`. */
  readonly duration: string;
}

const permission = 'Account > Access: Service Tokens > Edit';

const tokenObject = {
  type: 'object',
  required: ['id'],
  properties: {
    id: { type: 'string', minLength: 1, maxLength: 64 },
    name: { type: 'string', default: '' },
    client_id: { type: 'string', maxLength: 256 },
    expires_at: { type: 'string', nullable: true, maxLength: 64 },
    duration: { type: 'string', nullable: true, maxLength: 64 },
    enabled: { type: 'boolean' },
  },
};
const tokenSchema = schemaOf<ApiServiceToken>(tokenObject);
const tokensSchema = schemaOf<readonly ApiServiceToken[]>({ type: 'array', items: tokenObject });
const issuedSchema = schemaOf<IssuedServiceToken>({
  ...tokenObject,
  required: ['id', 'client_id', 'client_secret'],
  properties: { ...tokenObject.properties, client_secret: { type: 'string', minLength: 1, maxLength: 1_024 } },
});
const anything: Schema<unknown> = { schema: {} };

/** The account's service tokens. */
export function listServiceTokens(
  caller: Caller,
  account: string,
  signal: AbortSignal,
): Promise<readonly ApiServiceToken[]> {
  return caller.list(
    {
      what: 'listing service tokens',
      permission: 'Account > Access: Service Tokens > Read',
      schema: tokensSchema,
      perPage: 100,
      send: (sdk, paging, options) =>
        sdk.zeroTrust.access.serviceTokens.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}

/** Makes a token. */
export function createServiceToken(
  caller: Caller,
  account: string,
  { name, duration }: NewServiceToken,
  signal: AbortSignal,
): Promise<IssuedServiceToken> {
  return caller.call(
    {
      what: `creating service token "${name}"`,
      permission,
      schema: issuedSchema,
      send: (sdk, options) =>
        sdk.zeroTrust.access.serviceTokens.create({ account_id: account, name, duration }, options),
    },
    signal,
  );
}

/** Gives a token a new secret; the old one ends at once. */
export function rotateServiceToken(
  caller: Caller,
  account: string,
  id: string,
  signal: AbortSignal,
): Promise<IssuedServiceToken> {
  return caller.call(
    {
      what: `rotating service token ${id}`,
      permission,
      schema: issuedSchema,
      send: (sdk, options) => sdk.zeroTrust.access.serviceTokens.rotate(id, { account_id: account }, options),
    },
    signal,
  );
}

/** Makes a token valid for its whole duration again, from now. */
export function refreshServiceToken(
  caller: Caller,
  account: string,
  id: string,
  signal: AbortSignal,
): Promise<ApiServiceToken> {
  return caller.call(
    {
      what: `extending service token ${id}`,
      permission,
      schema: tokenSchema,
      send: (sdk, options) => sdk.zeroTrust.access.serviceTokens.refresh(id, { account_id: account }, options),
    },
    signal,
  );
}

/** Deletes a token. */
export async function deleteServiceToken(
  caller: Caller,
  account: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  await caller.call(
    {
      what: `deleting service token ${id}`,
      permission,
      schema: anything,
      send: (sdk, options) => sdk.zeroTrust.access.serviceTokens.delete(id, { account_id: account }, options),
    },
    signal,
  );
}
