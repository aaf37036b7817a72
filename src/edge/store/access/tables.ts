// What is stored of each kind of Access object, and the collections that hold them.
import type { Clock } from '../../../clock.ts';
import type { Sealer } from '../../seal.ts';
import type { StoreDatabase } from '../database.ts';
import type { Destination } from './destinations.ts';
import { createDocuments, type Documents } from './documents.ts';
import type { RuleSet } from './rules.ts';

/** Fields Access only keeps and shows, by Cloudflare's names; their types were checked when they came in. */
export type KeptFields = Readonly<Record<string, unknown>>;

/** What a policy does with those its rules describe. */
export type Decision = 'allow' | 'deny' | 'non_identity' | 'bypass';

/** A policy; one with an `appId` belongs to that application alone, others are reusable. */
export interface PolicyFields extends RuleSet {
  readonly name: string;
  readonly decision: Decision;
  readonly appId: string | null;
  readonly sessionDuration: string | null;
  readonly kept: KeptFields;
}

/** A policy's place in an application; the lowest precedence is asked first. */
export interface PolicyLink {
  readonly id: string;
  readonly precedence: number;
}

/** An application. */
export interface AppFields {
  readonly type: string;
  readonly name: string;
  /** 64 hexadecimal digits, made once; what the application's tokens are for. */
  readonly aud: string;
  /** Null for the types that guard no address. */
  readonly domain: string | null;
  readonly destinations: readonly Destination[];
  readonly sessionDuration: string;
  readonly allowedIdps: readonly string[];
  readonly tags: readonly string[];
  readonly policies: readonly PolicyLink[];
  readonly kept: KeptFields;
}

/** A named set of rules that policies and other groups refer to. */
export interface GroupFields extends RuleSet {
  readonly name: string;
  readonly isDefault: boolean;
}

/** A service token without its secret, of which only hashes exist, in a table of their own. */
export interface ServiceTokenFields {
  readonly name: string;
  readonly clientId: string;
  readonly duration: string;
  readonly enabled: boolean;
  readonly expiresAt: string;
  readonly secretVersion: number;
}

/** A way to log in; secrets in `config` are not kept. */
export interface IdentityProviderFields {
  readonly name: string;
  readonly type: string;
  readonly config: KeptFields;
  readonly scimConfig: KeptFields;
}

/** When the keys that sign application tokens were last changed, and how often they are. */
export interface KeysFields {
  readonly intervalDays: number;
  readonly lastRotationAt: string;
}

/** Every collection of Access. */
export interface AccessTables {
  readonly database: StoreDatabase;
  readonly clock: Clock;
  /** For secrets that have to be read again. */
  readonly sealer: Sealer;
  readonly apps: Documents<AppFields>;
  readonly policies: Documents<PolicyFields>;
  readonly groups: Documents<GroupFields>;
  readonly serviceTokens: Documents<ServiceTokenFields>;
  readonly identityProviders: Documents<IdentityProviderFields>;
  /** By their names. */
  readonly tags: Documents<Readonly<Record<string, never>>>;
  /** One, once Zero Trust is enabled. */
  readonly organizations: Documents<KeptFields>;
  readonly keys: Documents<KeysFields>;
  /** Grows with every write: whoever keeps a copy in memory sees that it is old. */
  generation(): number;
}

/** The collections on a database. */
export function openAccessTables(database: StoreDatabase, clock: Clock, sealer: Sealer): AccessTables {
  let generation = 0;
  const options = {
    database,
    clock,
    onWrite: () => {
      generation++;
    },
  };
  return {
    generation: () => generation,
    sealer,
    database,
    clock,
    apps: createDocuments(options, 'app'),
    policies: createDocuments(options, 'policy'),
    groups: createDocuments(options, 'group'),
    serviceTokens: createDocuments(options, 'service_token'),
    identityProviders: createDocuments(options, 'identity_provider'),
    tags: createDocuments(options, 'tag'),
    organizations: createDocuments(options, 'organization'),
    keys: createDocuments(options, 'keys'),
  };
}

/** How often each text is among them. */
export function countEach(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
