// Zones the token can see.
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** A zone: a domain whose records the API keeps. */
export interface Zone {
  readonly id: string;
  readonly name: string;
  readonly account?: { readonly id?: string };
  /** What the token may do in it, such as `#dns_records:edit`; a hint, which not every API gives. */
  readonly permissions?: readonly string[];
  /** What settings call the token that sees it; only where there are several. */
  readonly token?: string;
}

const schema = schemaOf<readonly Zone[]>({
  type: 'array',
  items: {
    type: 'object',
    required: ['id', 'name'],
    properties: {
      id: { type: 'string', minLength: 1, maxLength: 64 },
      name: { type: 'string', minLength: 1, maxLength: 253 },
      account: { type: 'object', properties: { id: { type: 'string' } } },
      permissions: { type: 'array', items: { type: 'string' } },
    },
  },
});

/** Every zone the token sees, or only the one of this name. */
export async function listZones(caller: Caller, signal: AbortSignal, name?: string): Promise<readonly Zone[]> {
  const filter = name === undefined ? {} : { name };
  const zones = await caller.list(
    {
      what: 'listing zones',
      permission: 'Zone > Zone > Read',
      schema,
      perPage: 50,
      send: (sdk, paging, options) => sdk.zones.list({ ...filter, ...paging }, options),
    },
    signal,
  );
  for (const zone of zones) caller.zoneNames.set(zone.id, zone.name);
  return zones;
}
