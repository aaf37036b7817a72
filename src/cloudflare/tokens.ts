// API tokens: is the one we have good?
import { schemaOf } from '../validate.ts';
import type { Caller } from './call.ts';

/** What the API says of our token. */
export interface TokenStatus {
  readonly id: string;
  /** `active`, `disabled` or `expired`. */
  readonly status: string;
  readonly not_before?: string;
  readonly expires_on?: string;
}

const tokenStatus = {
  type: 'object',
  required: ['id', 'status'],
  properties: {
    id: { type: 'string' },
    status: { type: 'string' },
    not_before: { type: 'string' },
    expires_on: { type: 'string' },
  },
};
const schema = schemaOf<TokenStatus>(tokenStatus);

/** The whole answer. */
export const tokenAnswerSchema = schemaOf<{ readonly result: TokenStatus }>({
  type: 'object',
  required: ['result'],
  properties: { result: tokenStatus },
});

/** Asks whether the token is valid, where an account's own are verified when `account` is given; throws ApiError E_API_UNAUTHORIZED when the API does not know it. */
export function verifyToken(caller: Caller, signal: AbortSignal, account?: string): Promise<TokenStatus> {
  return caller.call(
    {
      what: 'verifying the API token',
      permission: 'any: the token itself must exist',
      schema,
      send: (sdk, options) =>
        account === undefined
          ? sdk.user.tokens.verify(options)
          : sdk.get(`/accounts/${encodeURIComponent(account)}/tokens/verify`, options),
    },
    signal,
  );
}
