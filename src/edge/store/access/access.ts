// Everything Access remembers, put together.
import type { Clock } from '../../../clock.ts';
import type { Sealer } from '../../seal.ts';
import type { StoreDatabase } from '../database.ts';
import type { Account, ZoneStore } from '../zones.ts';
import { type AppPolicyStore, createAppPolicyStore } from './app-policies.ts';
import { type AppStore, createAppStore } from './apps.ts';
import { createGroupStore, type GroupStore } from './groups.ts';
import { createIdentityProviderStore, type IdentityProviderStore } from './identity-providers.ts';
import { createOrganizationStore, type OrganizationStore } from './organization.ts';
import { createPolicyStore, type PolicyStore } from './policies.ts';
import { createServiceTokenStore, type ServiceTokenStore } from './service-tokens.ts';
import { createSigningKeyStore, type SigningKeyStore } from './signing-keys.ts';
import { createSshCaStore, type SshCaStore } from './ssh-ca.ts';
import { openAccessTables } from './tables.ts';
import { createTagStore, type TagStore } from './tags.ts';

/** Applications, policies and what they refer to. */
export interface AccessStore {
  readonly apps: AppStore;
  readonly appPolicies: AppPolicyStore;
  readonly policies: PolicyStore;
  readonly groups: GroupStore;
  readonly serviceTokens: ServiceTokenStore;
  readonly identityProviders: IdentityProviderStore;
  readonly organization: OrganizationStore;
  readonly tags: TagStore;
  readonly sshCas: SshCaStore;
  readonly signingKeys: SigningKeyStore;
  /** Whether there is a Zero Trust organisation. */
  isEnabled(): boolean;
  /** Grows with every write to any of them but secrets and keys. */
  generation(): number;
}

/** What Access stands on. */
export interface AccessStoreOptions {
  readonly database: StoreDatabase;
  readonly clock: Clock;
  readonly zones: ZoneStore;
  readonly account: Account;
  /** False leaves a new account without Zero Trust, as it is at Cloudflare until somebody enables it. */
  readonly isEnabled: boolean;
  /** For secrets that have to be read again. */
  readonly sealer: Sealer;
}

/** Opens Access; a new account gets an organisation with the one-time PIN as its login. */
export function createAccessStore(options: AccessStoreOptions): AccessStore {
  const { database, clock, zones, account, isEnabled, sealer } = options;
  const tables = openAccessTables(database, clock, sealer);
  const access: AccessStore = {
    apps: createAppStore(tables, zones),
    appPolicies: createAppPolicyStore(tables),
    policies: createPolicyStore(tables),
    groups: createGroupStore(tables),
    serviceTokens: createServiceTokenStore(tables),
    identityProviders: createIdentityProviderStore(tables),
    organization: createOrganizationStore(tables),
    tags: createTagStore(tables),
    sshCas: createSshCaStore(tables),
    signingKeys: createSigningKeyStore(tables),
    isEnabled: () => tables.organizations.list().length > 0,
    generation: tables.generation,
  };
  if (isEnabled && tables.organizations.list().length === 0)
    database.transact(() => {
      const authDomain = `${account.name.toLowerCase()}-${account.id.slice(0, 8)}.cloudflareaccess.com`;
      access.organization.create({ name: account.name, auth_domain: authDomain });
      access.identityProviders.create({ name: '', type: 'onetimepin', config: {} });
    });
  return access;
}
