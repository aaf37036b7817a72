// What the embedded edge's API answers when it will not do something: Cloudflare's status, code and words.
import { ApiError } from '../../errors.ts';

/** One line of an answer's `errors`, as Cloudflare writes it. */
export interface ApiErrorLine {
  readonly code: number;
  readonly message: string;
  readonly error_chain?: readonly ApiErrorLine[];
}

/** A request the store or the API refuses; `status` and `lines` are exactly what the client is told. */
export class RefusedError extends ApiError {
  readonly lines: readonly ApiErrorLine[];

  constructor(status: number, lines: readonly ApiErrorLine[]) {
    super({ code: 'E_API', status, message: lines.map((line) => `${line.message} (${line.code})`).join('; ') });
    this.lines = lines;
  }
}

/** A refusal with one line. */
export function refusal(status: number, code: number, message: string): RefusedError {
  return new RefusedError(status, [{ code, message }]);
}

/** What Cloudflare says about an identifier it cannot find a route for; `path` is the path as requested. */
export function noRoute(path: string): RefusedError {
  return new RefusedError(404, [
    { code: 7003, message: `Could not route to ${path}, perhaps your object identifier is invalid?` },
    { code: 7000, message: 'No route for that URI' },
  ]);
}

/** Cloudflare's codes, in one place; each is named by what went wrong. */
export const refusalCode = {
  invalidRequest: 1001,
  dnsRouteConflict: 1003,
  tunnelNotFound: 1003,
  recordInvalid: 1004,
  tunnelNameTaken: 1013,
  tunnelActive: 1022,
  configurationInvalid: 1056,
  zoneTaken: 1061,
  zoneNameInvalid: 1099,
  malformedJson: 6007,
  malformedHeaders: 6003,
  malformedAuthorization: 6111,
  contentInvalid: 9005,
  nameInvalid: 9000,
  contentA: 9005,
  contentAaaa: 9006,
  contentCname: 9007,
  contentOther: 9009,
  typeInvalid: 9020,
  ttlInvalid: 9021,
  cnameToItself: 9039,
  cannotBeProxied: 9041,
  missingAuthorization: 9106,
  accountForeign: 9109,
  tooManyTags: 9300,
  tagInvalid: 9302,
  commentTooLong: 9313,
  rateLimited: 971,
  authentication: 10000,
  recordNotFound: 81044,
  addressExists: 81053,
  cnameExists: 81054,
  nameServersExist: 81056,
  identicalExists: 81058,
} as const;
