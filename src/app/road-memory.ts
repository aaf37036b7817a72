// What the last run knew of its road, kept in the data directory: so that a start while the API is down is not the end of what worked.
import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { withdrawals } from '../ingress/closing.ts';
import type { Logger } from '../logger.ts';
import type { DesiredState, IngressEntry } from '../model.ts';
import type { Settings } from '../settings/settings.ts';
import { parse, schemaOf } from '../validate.ts';
import type { Place } from './place.ts';

/** Where a road led. */
export interface RememberedGround {
  readonly place: Place;
  readonly tunnel: { readonly id: string; readonly remotelyManaged: boolean };
}

/** The memory of one data directory, for these settings. */
export interface RoadMemory {
  /** Undefined when there is none, or it was made with other settings. */
  ground(): RememberedGround | undefined;
  keepGround(ground: RememberedGround): void;
  /** The connector of the last run. */
  lastConnector(): string | undefined;
  keepConnector(id: string): void;
  /** The rules the edge pushes now. */
  keepRules(rules: readonly IngressEntry[]): void;
  /** True when every rule the last run left leads where it should lead now: nothing would have to be closed. */
  isStillRight(desired: DesiredState): boolean;
}

interface Kept extends RememberedGround {
  readonly madeWith: string;
  readonly connector?: string;
  readonly rules?: readonly IngressEntry[];
}

const fileName = 'road.json';
const maxBytes = 32 * 1024 * 1024;

const schema = schemaOf<Kept>({
  type: 'object',
  required: ['madeWith', 'place', 'tunnel'],
  properties: {
    madeWith: { type: 'string' },
    connector: { type: 'string', maxLength: 64 },
    place: {
      type: 'object',
      required: ['account', 'zones'],
      properties: {
        account: { type: 'string', minLength: 1 },
        zones: { type: 'array', minItems: 1, items: { type: 'string' } },
      },
    },
    tunnel: {
      type: 'object',
      required: ['id', 'remotelyManaged'],
      properties: { id: { type: 'string', format: 'uuid' }, remotelyManaged: { type: 'boolean' } },
    },
    rules: {
      type: 'array',
      maxItems: 100_000,
      items: {
        type: 'object',
        required: ['serviceId', 'plugin', 'rule', 'access', 'explicit'],
        properties: {
          serviceId: { type: 'string', pattern: '^[^/]+/.+$' },
          plugin: { type: 'string' },
          access: { type: ['string', 'object'] },
          explicit: { type: 'boolean' },
          rule: {
            type: 'object',
            required: ['hostname', 'service'],
            properties: { hostname: { type: 'string' }, service: { type: 'string' }, path: { type: 'string' } },
          },
        },
      },
    },
  },
});

/** The memory; a file that is damaged or cannot be written costs only the memory. */
export function createRoadMemory(options: {
  readonly settings: Pick<Settings, 'dataDir' | 'edge' | 'domain' | 'cloudflare'>;
  readonly logger: Logger;
}): RoadMemory {
  const file = join(options.settings.dataDir, fileName);
  const madeWith = fingerprint(options.settings);
  let kept = load();

  function load(): Kept | undefined {
    try {
      if (statSync(file).size > maxBytes) return undefined;
      const found = parse(schema, JSON.parse(readFileSync(file, 'utf8')), { where: fileName });
      return found.madeWith === madeWith ? found : undefined;
    } catch (error) {
      // None yet, or one that is damaged: the API has the truth.
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      const reason = error instanceof Error ? error.message : String(error);
      if (!isMissing) options.logger.warn({ file, reason }, 'what the last run knew of its road cannot be read');
      return undefined;
    }
  }

  function keep(fresh: Kept): void {
    if (isDeepStrictEqual(fresh, kept)) return;
    kept = fresh;
    try {
      writeFileSync(`${file}.new`, JSON.stringify(fresh), { mode: 0o600 });
      chmodSync(`${file}.new`, 0o600);
      renameSync(`${file}.new`, file);
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
      options.logger.warn(
        { file, reason },
        'the road cannot be remembered: a start while the API is down will have to wait',
      );
    }
  }

  return {
    ground: () => kept && { place: kept.place, tunnel: kept.tunnel },
    keepGround({ place, tunnel }) {
      const isSame = kept?.tunnel.id === tunnel.id && kept.place.account === place.account;
      keep(isSame ? { ...kept, madeWith, place, tunnel } : { madeWith, place, tunnel });
    },
    lastConnector: () => kept?.connector,
    keepConnector(connector) {
      if (kept !== undefined) keep({ ...kept, connector });
    },
    keepRules(rules) {
      if (kept !== undefined) keep({ ...kept, rules });
    },
    isStillRight: (desired) => kept?.rules !== undefined && withdrawals(kept.rules, desired, true).length === 0,
  };
}

/** The settings that decide where the road leads; without secrets. */
function fingerprint({ edge, domain, cloudflare }: Pick<Settings, 'edge' | 'domain' | 'cloudflare'>): string {
  const { account, zones, tunnel, apiUrl, tokens } = cloudflare;
  const which = tunnel.kind === 'named' ? tunnel.name : tunnel.kind === 'existing' ? tunnel.id : 'by token';
  return JSON.stringify([edge, domain, account, zones, tunnel.kind, which, apiUrl, tokens.map((one) => one.zones)]);
}
