// Accounts the token can see.
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** An account; its id is the `account tag` of tunnels. */
export interface Account {
  readonly id: string;
  readonly name: string;
}

const schema = schemaOf<readonly Account[]>({
  type: 'array',
  items: {
    type: 'object',
    required: ['id', 'name'],
    properties: { id: { type: 'string', minLength: 1, maxLength: 64 }, name: { type: 'string' } },
  },
});

/** Every account the token sees. */
export function listAccounts(caller: Caller, signal: AbortSignal): Promise<readonly Account[]> {
  return caller.list(
    {
      what: 'listing accounts',
      permission: 'Account > Account Settings > Read',
      schema,
      perPage: 50,
      send: (sdk, paging, options) => sdk.accounts.list(paging, options),
    },
    signal,
  );
}
