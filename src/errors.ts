// The error taxonomy: one class per decision a caller can take, each with a stable code.

/** What every expected failure carries; anything that is not an AppError is a bug. */
export interface ErrorDetails {
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause?: unknown;
  /** True when trying again later, unchanged, can succeed. */
  readonly retryable?: boolean;
  /** How the user can mend it. */
  readonly hint?: string | undefined;
  /** Where it is: a file, container or label, with a JSON pointer when there is one. */
  readonly where?: string | undefined;
}

/** Every code, each listed in the README. */
export type ErrorCode =
  | 'E_SETTINGS_INVALID'
  | 'E_SETTINGS_UNREADABLE'
  | 'E_LABEL_INVALID'
  | 'E_LABEL_NOT_ALLOWED'
  | 'E_INPUT_INVALID'
  | 'E_INGRESS_INVALID'
  | 'E_PLUGIN_INVALID'
  | 'E_PLUGIN_FAILED'
  | 'E_CONFLICT'
  | 'E_NO_ADDRESS'
  | 'E_NO_PORT'
  | 'E_NO_POLICY'
  | 'E_SOURCE_UNREACHABLE'
  | 'E_API'
  | 'E_API_UNREACHABLE'
  | 'E_API_UNAUTHORIZED'
  | 'E_API_RATE_LIMITED'
  | 'E_API_ANSWER'
  | 'E_ZONE_UNKNOWN'
  | 'E_TUNNEL'
  | 'E_EDGE_UNREACHABLE'
  | 'E_EDGE_REFUSED'
  | 'E_EDGE_DUPLICATE'
  | 'E_PROTOCOL'
  | 'E_ORIGIN_UNREACHABLE'
  | 'E_ORIGIN_FAILED'
  | 'E_CONNECTOR'
  | 'E_LISTEN'
  | 'E_LOGIN'
  | 'E_STATE'
  | 'E_USAGE';

/** The base of every expected failure. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly hint: string | undefined;
  readonly where: string | undefined;

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.retryable = details.retryable ?? false;
    this.hint = details.hint;
    this.where = details.where;
  }
}

/** User input that does not hold: never retried, says where, what and how to mend it. */
export class ValidationError extends AppError {}

/** Two services want one hostname and path, or a remote object is somebody else's. */
export class ConflictError extends AppError {}

/** A source could not be asked; its last good list is kept for a while. */
export class SourceError extends AppError {}

/** Third-party plugin code threw or returned nonsense. */
export class PluginError extends AppError {}

/** Cloudflare's API (or the embedded edge's) refused or could not be reached. */
export class ApiError extends AppError {
  readonly status: number | undefined;
  readonly rayId: string | undefined;
  /** The number in the answer's `errors`, such as 81053 for a name that is taken. */
  readonly apiCode: number | undefined;

  constructor(
    details: ErrorDetails & {
      readonly status?: number | undefined;
      readonly rayId?: string | undefined;
      readonly apiCode?: number | undefined;
    },
  ) {
    super(details);
    this.status = details.status;
    this.rayId = details.rayId;
    this.apiCode = details.apiCode;
  }
}

/** Dialling, TLS, HTTP/2 or registration at the edge failed; `permanent` stops the connector. */
export class EdgeError extends AppError {
  readonly permanent: boolean;

  constructor(details: ErrorDetails & { readonly permanent?: boolean }) {
    super(details);
    this.permanent = details.permanent ?? false;
  }
}

/** Bytes from a peer that break the wire protocol: ends that stream or connection, never the process. */
export class ProtocolError extends AppError {
  constructor(message: string, cause?: unknown) {
    super({ code: 'E_PROTOCOL', message, cause });
  }
}

/** One request could not be served by its origin; becomes a 502 for one visitor. */
export class OriginError extends AppError {}

/** The line a person reads: `error E_CODE: what is wrong (where): how to mend it`. */
export function formatError(error: unknown): string {
  if (!(error instanceof AppError)) return `error E_BUG: ${error instanceof Error ? error.message : String(error)}`;
  const where = error.where === undefined ? '' : ` (${error.where})`;
  const hint = error.hint === undefined ? '' : `: ${error.hint}`;
  return `error ${error.code}: ${error.message}${where}${hint}`;
}
