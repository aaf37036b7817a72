// GET /user/tokens/verify, /accounts/:account/tokens/verify, /accounts, /accounts/:account.
import { createHash } from 'node:crypto';
import type { EdgeStore } from '../store/store.ts';
import { type Api, type ApiContext, type Authorized, checkAccount } from './context.ts';
import { type PageQuery, paged, pageSchema, success } from './envelope.ts';
import { hasPermission } from './grants.ts';

/** Registers the account routes. */
export function addAccountRoutes(api: Api, context: ApiContext): void {
  const { store } = context;

  api.get('/user/tokens/verify', (request) => verification(request));

  api.get<{ Params: { account: string } }>('/accounts/:account/tokens/verify', (request) => {
    checkAccount(context, request, request.params.account);
    return verification(request);
  });

  function verification(request: Authorized) {
    const token = context.tokenOf(request);
    const { status = 'active', notBefore, expiresOn } = token ?? {};
    const dates = {
      ...(notBefore === undefined ? {} : { not_before: notBefore }),
      ...(expiresOn === undefined ? {} : { expires_on: expiresOn }),
    };
    const message = status === 'active' ? 'This API Token is valid and active' : `This API Token is ${status}`;
    return success({ id: tokenId(store, token?.token), status, ...dates }, [{ code: 10_000, message }]);
  }

  api.get<{ Querystring: PageQuery & { name?: string } }>(
    '/accounts',
    { schema: { querystring: { type: 'object', properties: { ...pageSchema(20, 50), name: { type: 'string' } } } } },
    (request) => {
      const { query } = request;
      const token = context.tokenOf(request);
      const isSeen = token === undefined || hasPermission(token, 'Account > Account Settings', 'Read');
      const isWanted = isSeen && (query.name === undefined || query.name === store.account.name);
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

/** A token's id only has to be stable and to say nothing about its value. */
function tokenId(store: EdgeStore, restricted = ''): string {
  return createHash('sha256').update(`token of ${store.account.id} ${restricted}`).digest('hex').slice(0, 32);
}
