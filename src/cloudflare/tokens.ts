// API tokens: is the one we have good?
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** What the API says of our token. */
export interface TokenStatus {
  readonly id: string;
  /** `active`, `disabled` or `expired`. */
  readonly status: string;
}

const schema = schemaOf<TokenStatus>({
  type: 'object',
  required: ['id', 'status'],
  properties: { id: { type: 'string' }, status: { type: 'string' } },
});

/** Asks whether the token is valid; throws ApiError E_API_UNAUTHORIZED when the API does not know it. */
export function verifyToken(caller: Caller, signal: AbortSignal): Promise<TokenStatus> {
  return caller.call(
    {
      what: 'verifying the API token',
      permission: 'any: the token itself must exist',
      schema,
      send: (sdk, options) => sdk.user.tokens.verify(options),
    },
    signal,
  );
}
