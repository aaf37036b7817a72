// What a request is refused with, and which status an error of the program's becomes. Pure.
import { AppError, ConflictError, ValidationError } from '../errors.ts';

/** A request that is refused before the program is asked anything. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  /** Seconds after which to try again. */
  readonly retryAfter: number | undefined;

  constructor(details: {
    readonly status: number;
    readonly code: 'E_UNAUTHORIZED' | 'E_FORBIDDEN' | 'E_NOT_FOUND' | 'E_TOO_MANY' | 'E_CONFLICT' | 'E_INPUT_INVALID';
    readonly message: string;
    readonly hint?: string;
    readonly retryAfter?: number;
  }) {
    super(details.message);
    this.name = 'Refusal';
    this.status = details.status;
    this.code = details.code;
    this.hint = details.hint;
    this.retryAfter = details.retryAfter;
  }
}

/** An error as it is answered. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: { readonly error: { readonly code: string; readonly message: string; readonly hint?: string } };
}

/** The answer to an error; of a bug nothing is told but that it is one. */
export function answerTo(error: unknown): ErrorAnswer {
  if (error instanceof Refusal) return answer(error.status, error.code, error.message, error.hint);
  if (error instanceof AppError) {
    const where = error.where === undefined ? '' : ` (${error.where})`;
    return answer(statusOf(error), error.code, `${error.message}${where}`, error.hint);
  }
  const status = (error as { readonly statusCode?: number }).statusCode ?? 500;
  if (status < 500 && error instanceof Error) return answer(status, 'E_INPUT_INVALID', error.message, undefined);
  return answer(500, 'E_BUG', 'something went wrong here', 'see the log');
}

/** The refusal of what is not there. */
export function notFound(message: string, hint?: string): Refusal {
  return new Refusal({ status: 404, code: 'E_NOT_FOUND', message, ...(hint === undefined ? {} : { hint }) });
}

function statusOf(error: AppError): number {
  if (error instanceof ConflictError || error.code === 'E_CONFLICT') return 409;
  if (error instanceof ValidationError || error.code === 'E_USAGE') return 400;
  if (error.code === 'E_API_UNREACHABLE' || error.code === 'E_API_RATE_LIMITED') return 502;
  return error.retryable ? 503 : 500;
}

function answer(status: number, code: string, message: string, hint: string | undefined): ErrorAnswer {
  return { status, body: { error: { code, message, ...(hint === undefined ? {} : { hint }) } } };
}
