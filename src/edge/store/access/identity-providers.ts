// Ways to log in, in the edge's database. Their secrets are not kept: nothing here could use them, and they cannot leak.
import type { Stored } from './documents.ts';
import { checkUnused } from './references.ts';
import { accessConflict, accessInvalid, accessNotFound } from './refusals.ts';
import type { AccessTables, IdentityProviderFields, KeptFields } from './tables.ts';

/** An identity provider as stored. */
export type StoredIdentityProvider = Stored<IdentityProviderFields>;

/** What a client sends to make or overwrite one. */
export interface IdentityProviderInput {
  readonly name: string;
  readonly type: string;
  readonly config: KeptFields;
  readonly scim_config?: KeptFields;
}

/** Identity providers. Everything that writes throws RefusedError and then has changed nothing. */
export interface IdentityProviderStore {
  list(): readonly StoredIdentityProvider[];
  get(id: string): StoredIdentityProvider;
  create(input: IdentityProviderInput): StoredIdentityProvider;
  replace(id: string, input: IdentityProviderInput): StoredIdentityProvider;
  /** RefusedError 409 while a policy, a group or an application names it. */
  delete(id: string): void;
}

const hidden = '**********************************';
const secretKeys: ReadonlySet<string> = new Set(['client_secret', 'api_token', 'secret', 'private_key', 'password']);

/** Identity providers on the tables. */
export function createIdentityProviderStore(tables: AccessTables): IdentityProviderStore {
  const { identityProviders: providers, database } = tables;

  function get(id: string): StoredIdentityProvider {
    const provider = providers.get(id);
    if (provider === undefined) throw accessNotFound();
    return provider;
  }

  function checkSingle(type: string): void {
    const isTaken = type === 'onetimepin' && providers.list().some((one) => one.fields.type === type);
    if (isTaken) throw accessConflict('a onetimepin connection already exists');
  }

  return {
    list: providers.list,
    get,
    create: (input) =>
      database.transact(() => {
        checkSingle(input.type);
        return providers.insert(fieldsOf(input));
      }),
    replace: (id, input) =>
      database.transact(() => {
        const current = get(id);
        if (current.fields.type !== input.type) checkSingle(input.type);
        return providers.replace(current, fieldsOf(input));
      }),
    delete: (id) =>
      database.transact(() => {
        get(id);
        checkUnused(tables, { kind: 'identity_provider', id });
        providers.delete(id);
      }),
  };
}

function fieldsOf(input: IdentityProviderInput): IdentityProviderFields {
  const name = input.name.trim();
  // Only the one-time PIN works without a name of its own.
  if (name === '' && input.type !== 'onetimepin') throw accessInvalid('identity provider name is required');
  return {
    name,
    type: input.type,
    config: withoutSecrets(input.config),
    scimConfig: withoutSecrets(input.scim_config ?? {}),
  };
}

function withoutSecrets(config: KeptFields): KeptFields {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, secretKeys.has(key) ? hidden : value]));
}
