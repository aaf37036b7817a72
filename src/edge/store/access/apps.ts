// Access applications in the edge's database, each with its policies, tags and login methods.
import { randomBytes, randomUUID } from 'node:crypto';
import type { ZoneStore } from '../zones.ts';
import { type AppPolicyInput, deleteOwn, linkPolicies } from './app-policies.ts';
import { checkPlaces, type PlacesInput, publicUris } from './destinations.ts';
import type { Stored } from './documents.ts';
import { checkGoDuration } from './go-duration.ts';
import { checkIdentityProviders } from './references.ts';
import { accessInvalid, applicationExists, applicationIdInvalid, applicationUnknown } from './refusals.ts';
import type { AccessTables, AppFields, KeptFields } from './tables.ts';

/** An application as stored. */
export type StoredApp = Stored<AppFields>;

/** What a client sends to make or overwrite an application; shapes are checked, meaning is not. */
export interface AppInput extends PlacesInput {
  readonly type: string;
  readonly name?: string | undefined;
  readonly session_duration?: string | null | undefined;
  readonly allowed_idps?: readonly string[] | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
  /** Absent: the application keeps those it has. */
  readonly policies?: readonly AppPolicyInput[] | null | undefined;
  readonly kept: KeptFields;
}

/** Applications. Everything that writes throws RefusedError and then has changed nothing. */
export interface AppStore {
  list(): readonly StoredApp[];
  /** RefusedError 404 when there is none, 400 when that cannot be an id. */
  get(id: string): StoredApp;
  create(input: AppInput): StoredApp;
  replace(id: string, input: AppInput): StoredApp;
  /** With the policies that belong to it alone. */
  delete(id: string): void;
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Types that guard host names; the others need no address of ours. */
const hostTypes: ReadonlySet<string> = new Set(['self_hosted', 'ssh', 'vnc', 'rdp']);
const defaultSession = '24h';

/** Applications on the tables; their domains have to be in `zones`. */
export function createAppStore(tables: AccessTables, zones: ZoneStore): AppStore {
  const { apps, database } = tables;

  function get(id: string): StoredApp {
    if (!uuidPattern.test(id)) throw applicationIdInvalid();
    const app = apps.get(id);
    if (app === undefined) throw applicationUnknown();
    return app;
  }

  function checked(input: AppInput, self: { readonly id: string; readonly current?: AppFields }): AppFields {
    const places = placesOf(input);
    checkNotTaken(places.destinations, self.id);
    const allowedIdps = [...new Set(input.allowed_idps ?? [])];
    checkIdentityProviders(tables, allowedIdps);
    checkOptions(input, allowedIdps);
    const links = self.current?.policies ?? [];
    const { policies } = input;
    return {
      type: input.type,
      name: input.name?.trim() || (places.domain ?? input.type),
      aud: self.current?.aud ?? randomBytes(32).toString('hex'),
      ...places,
      sessionDuration: checkGoDuration(input.session_duration ?? defaultSession, 'session_duration'),
      allowedIdps,
      tags: checkTags(input.tags ?? []),
      policies:
        policies === undefined || policies === null ? links : linkPolicies(tables, { id: self.id, links }, policies),
      kept: input.kept,
    };
  }

  function placesOf(input: AppInput): Pick<AppFields, 'domain' | 'destinations'> {
    const zoneNames = zones.list().map((zone) => zone.name);
    if (hostTypes.has(input.type)) return checkPlaces(input, zoneNames);
    return { domain: input.domain ?? null, destinations: [] };
  }

  function checkNotTaken(destinations: AppFields['destinations'], selfId: string): void {
    const wanted = new Set(publicUris(destinations));
    const isTaken = apps
      .list()
      .some((app) => app.id !== selfId && publicUris(app.fields.destinations).some((uri) => wanted.has(uri)));
    if (isTaken) throw applicationExists();
  }

  function checkTags(tags: readonly string[]): readonly string[] {
    if (!tags.every((tag) => tables.tags.get(tag) !== undefined))
      throw accessInvalid(
        'tags contain a tag that does not exist, tags must be created before assigning to an application',
      );
    return [...new Set(tags)];
  }

  function checkOptions(input: AppInput, allowedIdps: readonly string[]): void {
    if (input.kept.auto_redirect_to_identity === true && allowedIdps.length !== 1)
      throw accessInvalid('auto_redirect_to_identity can only be set if there is exactly one allowed_idp');
    const isWarpReady = tables.organizations
      .list()
      .some((one) => typeof one.fields.warp_auth_session_duration === 'string');
    if (input.kept.allow_authenticate_via_warp === true && !isWarpReady)
      throw accessInvalid(
        'allow_authenticate_via_warp cannot be set if the Warp Auth Session Duration is not set for the account',
      );
  }

  return {
    list: apps.list,
    get,
    create: (input) =>
      database.transact(() => {
        const id = randomUUID();
        return apps.insert(checked(input, { id }), id);
      }),
    replace: (id, input) =>
      database.transact(() => {
        const app = get(id);
        if (app.fields.type !== input.type) throw accessInvalid('the type of an application cannot be changed');
        return apps.replace(app, checked(input, { id, current: app.fields }));
      }),
    delete: (id) =>
      database.transact(() => {
        const app = get(id);
        for (const link of app.fields.policies) deleteOwn(tables, link.id);
        apps.delete(id);
        database.run('DELETE FROM access_ca WHERE app_id = ?', id);
      }),
  };
}
