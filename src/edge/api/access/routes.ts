// All of /accounts/:account/access, behind the checks every part of it shares.
import { ValidationError } from '../../../errors.ts';
import { accessInvalid } from '../../store/access/refusals.ts';
import { type Api, type ApiContext, checkAccount } from '../context.ts';
import { onePage } from '../envelope.ts';
import { addAppPolicyRoutes } from './app-policies.ts';
import { addAppRoutes } from './apps.ts';
import { addGroupRoutes } from './groups.ts';
import { addIdentityProviderRoutes } from './identity-providers.ts';
import { addOrganizationRoutes } from './organizations.ts';
import { addPolicyRoutes } from './policies.ts';
import { addServiceTokenRoutes } from './service-tokens.ts';
import { addSshCaRoutes } from './ssh-cas.ts';
import { addTagRoutes } from './tags.ts';

/** Registers everything of Access: only for our account, and only once Zero Trust is enabled. */
export function addAccessRoutes(api: Api, context: ApiContext): void {
  const { organization } = context.store.access;
  api.register((scope, _options, done) => {
    scope.addHook<{ Params: { account: string } }>('preValidation', (request, _reply, next) => {
      checkAccount(context, request, request.params.account);
      const isEnabling = request.method === 'POST' && request.routeOptions.url?.endsWith('/organizations') === true;
      if (!isEnabling) organization.get();
      next();
    });
    scope.setErrorHandler((error) => {
      throw error instanceof ValidationError ? accessInvalid(error.message) : error;
    });
    addAppRoutes(scope, context);
    addAppPolicyRoutes(scope, context);
    addSshCaRoutes(scope, context);
    addPolicyRoutes(scope, context);
    addGroupRoutes(scope, context);
    addServiceTokenRoutes(scope, context);
    addIdentityProviderRoutes(scope, context);
    addOrganizationRoutes(scope, context);
    addTagRoutes(scope, context);
    // Client certificates (mutual TLS) need an Enterprise plan at Cloudflare, and this edge asks visitors for none.
    scope.get('/accounts/:account/access/certificates', () => onePage([]));
    done();
  });
}
