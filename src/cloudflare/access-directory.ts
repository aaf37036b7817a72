// What Access policies may name: groups and login methods of an account.
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** One of them. */
export interface ApiNamed {
  readonly id: string;
  readonly name: string;
}

/** A login method; the one-time PIN often has no name. */
export interface ApiLoginMethod extends ApiNamed {
  /** Such as `onetimepin` or `google`. */
  readonly type?: string;
}

const properties = { id: { type: 'string', minLength: 1, maxLength: 64 }, name: { type: 'string', default: '' } };
const groupsSchema = schemaOf<readonly ApiNamed[]>({
  type: 'array',
  items: { type: 'object', required: ['id'], properties },
});
const loginMethodsSchema = schemaOf<readonly ApiLoginMethod[]>({
  type: 'array',
  items: { type: 'object', required: ['id'], properties: { ...properties, type: { type: 'string' } } },
});

/** The account's Access groups. */
export function listGroups(caller: Caller, account: string, signal: AbortSignal): Promise<readonly ApiNamed[]> {
  return caller.list(
    {
      what: 'listing Access groups',
      permission: 'Account > Access: Organizations, Identity Providers, and Groups > Read',
      schema: groupsSchema,
      perPage: 100,
      send: (sdk, paging, options) => sdk.zeroTrust.access.groups.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}

/** The account's login methods. */
export function listLoginMethods(
  caller: Caller,
  account: string,
  signal: AbortSignal,
): Promise<readonly ApiLoginMethod[]> {
  return caller.list(
    {
      what: 'listing login methods',
      permission: 'Account > Access: Organizations, Identity Providers, and Groups > Read',
      schema: loginMethodsSchema,
      perPage: 100,
      send: (sdk, paging, options) => sdk.zeroTrust.identityProviders.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}
