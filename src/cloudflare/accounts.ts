// Accounts the token can see.
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** An account; its id is the `account tag` of tunnels. */
export interface Account {
  readonly id: string;
  readonly name: string;
}

const account = {
  type: 'object',
  required: ['id', 'name'],
  properties: { id: { type: 'string', minLength: 1, maxLength: 64 }, name: { type: 'string' } },
};
const schema = schemaOf<readonly Account[]>({ type: 'array', items: account });
const oneSchema = schemaOf<Account>(account);
const permission = 'Account > Account Settings > Read';

/** Every account the token sees. */
export function listAccounts(caller: Caller, signal: AbortSignal): Promise<readonly Account[]> {
  return caller.list(
    {
      what: 'listing accounts',
      permission,
      schema,
      perPage: 50,
      send: (sdk, paging, options) => sdk.accounts.list(paging, options),
    },
    signal,
  );
}

/** One account. */
export function getAccount(caller: Caller, id: string, signal: AbortSignal): Promise<Account> {
  return caller.call(
    {
      what: 'reading the account',
      permission,
      schema: oneSchema,
      send: (sdk, options) => sdk.accounts.get({ account_id: id }, options),
    },
    signal,
  );
}
