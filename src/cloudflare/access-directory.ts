// What Access policies may name: groups, login methods and service tokens of an account.
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** One of them. */
export interface ApiNamed {
  readonly id: string;
  readonly name: string;
}

const schema = schemaOf<readonly ApiNamed[]>({
  type: 'array',
  items: {
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'string', minLength: 1, maxLength: 64 }, name: { type: 'string', default: '' } },
  },
});

/** The account's Access groups. */
export function listGroups(caller: Caller, account: string, signal: AbortSignal): Promise<readonly ApiNamed[]> {
  return caller.list(
    {
      what: 'listing Access groups',
      permission: 'Account > Access: Organizations, Identity Providers, and Groups > Read',
      schema,
      perPage: 100,
      send: (sdk, paging, options) => sdk.zeroTrust.access.groups.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}

/** The account's login methods. */
export function listLoginMethods(caller: Caller, account: string, signal: AbortSignal): Promise<readonly ApiNamed[]> {
  return caller.list(
    {
      what: 'listing login methods',
      permission: 'Account > Access: Organizations, Identity Providers, and Groups > Read',
      schema,
      perPage: 100,
      send: (sdk, paging, options) => sdk.zeroTrust.identityProviders.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}

/** The account's service tokens; their secrets cannot be read. */
export function listServiceTokens(caller: Caller, account: string, signal: AbortSignal): Promise<readonly ApiNamed[]> {
  return caller.list(
    {
      what: 'listing service tokens',
      permission: 'Account > Access: Service Tokens > Read',
      schema,
      perPage: 100,
      send: (sdk, paging, options) =>
        sdk.zeroTrust.access.serviceTokens.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}
