// Ways to log in, in the edge's database. The secret of an OpenID Connect client is kept sealed and apart from what is shown; other secrets are not kept at all.
import { text } from '../row.ts';
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
  /** What an OpenID Connect provider wants to hear from its client. A secret. */
  clientSecret(id: string): string | undefined;
}

const hidden = '**********************************';
const secretKeys: ReadonlySet<string> = new Set(['client_secret', 'api_token', 'secret', 'private_key', 'password']);

/** Identity providers on the tables. */
export function createIdentityProviderStore(tables: AccessTables): IdentityProviderStore {
  const { identityProviders: providers, database, sealer } = tables;

  function get(id: string): StoredIdentityProvider {
    const provider = providers.get(id);
    if (provider === undefined) throw accessNotFound();
    return provider;
  }

  function checkSingle(type: string): void {
    const isTaken = type === 'onetimepin' && providers.list().some((one) => one.fields.type === type);
    if (isTaken) throw accessConflict('a onetimepin connection already exists');
  }

  /** As Cloudflare takes it: the hidden form, or nothing, leaves the secret as it is. */
  function keepSecret(id: string, { type, config }: IdentityProviderInput): void {
    const secret = config.client_secret;
    if (type !== 'oidc') forgetSecret(id);
    else if (typeof secret === 'string' && secret !== '' && secret !== hidden)
      database.run(
        'INSERT OR REPLACE INTO access_provider_secret (provider_id, client_secret) VALUES (?, ?)',
        id,
        sealer.seal(secret, purposeOf(id)),
      );
  }

  function forgetSecret(id: string): void {
    database.run('DELETE FROM access_provider_secret WHERE provider_id = ?', id);
  }

  return {
    list: providers.list,
    get,
    create: (input) =>
      database.transact(() => {
        checkSingle(input.type);
        const made = providers.insert(fieldsOf(input));
        keepSecret(made.id, input);
        return made;
      }),
    replace: (id, input) =>
      database.transact(() => {
        const current = get(id);
        if (current.fields.type !== input.type) checkSingle(input.type);
        keepSecret(id, input);
        return providers.replace(current, fieldsOf(input));
      }),
    delete: (id) =>
      database.transact(() => {
        get(id);
        checkUnused(tables, { kind: 'identity_provider', id });
        forgetSecret(id);
        providers.delete(id);
      }),
    clientSecret: (id) => {
      const row = database.get('SELECT client_secret FROM access_provider_secret WHERE provider_id = ?', id);
      return row === undefined ? undefined : sealer.open(text(row, 'client_secret'), purposeOf(id));
    },
  };
}

function purposeOf(id: string): string {
  return `identity provider ${id}`;
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
