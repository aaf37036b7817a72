// GET /user/tokens/verify, /accounts, /accounts/:account.
import { createHash } from 'node:crypto';
import type { EdgeStore } from '../store/store.ts';
import { type Api, type ApiContext, checkAccount } from './context.ts';
import { type PageQuery, paged, pageSchema, success } from './envelope.ts';

/** Registers the account routes. */
export function addAccountRoutes(api: Api, context: ApiContext): void {
  const { store } = context;

  api.get('/user/tokens/verify', () =>
    success({ id: tokenId(store), status: 'active' }, [
      { code: 10_000, message: 'This API Token is valid and active' },
    ]),
  );

  api.get<{ Querystring: PageQuery & { name?: string } }>(
    '/accounts',
    { schema: { querystring: { type: 'object', properties: { ...pageSchema(20, 50), name: { type: 'string' } } } } },
    ({ query }) => {
      const isWanted = query.name === undefined || query.name === store.account.name;
      return paged(isWanted ? [store.account] : [], query, () => accountView(store));
    },
  );

  api.get<{ Params: { account: string } }>('/accounts/:account', (request) => {
    checkAccount(context, request, request.params.account);
    return success(accountView(store));
  });
}

function accountView(store: EdgeStore) {
  return {
    id: store.account.id,
    name: store.account.name,
    type: 'standard',
    settings: { enforce_twofactor: false, abuse_contact_email: null },
    created_on: store.account.createdOn,
  };
}

/** There is one token; its id only has to be stable and to say nothing about its value. */
function tokenId(store: EdgeStore): string {
  return createHash('sha256').update(`token of ${store.account.id}`).digest('hex').slice(0, 32);
}
