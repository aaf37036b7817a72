// The authorities behind short-lived SSH certificates: one key per Access application.
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** An authority; servers that trust its key let in whoever passed the application. */
export interface ApiSshCa {
  readonly id?: string;
  /** The application's `aud`. */
  readonly aud?: string;
  /** One line, as sshd's TrustedUserCAKeys wants it. */
  readonly public_key?: string;
}

const permission = 'Account > Access: Apps and Policies > Edit';

const caObject = {
  type: 'object',
  properties: {
    id: { type: 'string', maxLength: 128 },
    aud: { type: 'string', maxLength: 128 },
    public_key: { type: 'string', maxLength: 8_192 },
  },
};
const caSchema = schemaOf<ApiSshCa>(caObject);
const casSchema = schemaOf<readonly ApiSshCa[]>({ type: 'array', items: caObject });

/** The authorities of an account. */
export function listSshCas(caller: Caller, account: string, signal: AbortSignal): Promise<readonly ApiSshCa[]> {
  return caller.list(
    {
      what: 'listing SSH certificate authorities',
      permission,
      schema: casSchema,
      perPage: 100,
      send: (sdk, paging, options) =>
        sdk.zeroTrust.access.applications.cas.list({ account_id: account, ...paging }, options),
    },
    signal,
  );
}

/** Makes the authority of an application; ApiError 409 when it has one. */
export function createSshCa(
  caller: Caller,
  account: string,
  application: string,
  signal: AbortSignal,
): Promise<ApiSshCa> {
  return caller.call(
    {
      what: 'creating an SSH certificate authority',
      permission,
      schema: caSchema,
      send: (sdk, options) =>
        sdk.zeroTrust.access.applications.cas.create(application, { account_id: account }, options),
    },
    signal,
  );
}
