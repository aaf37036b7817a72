// Turns whatever went wrong in a request into Cloudflare's status and error lines; nothing internal is told. Pure.
import { ValidationError } from '../../errors.ts';
import { type ApiErrorLine, RefusedError, refusalCode } from '../store/refusal.ts';

/** An error as the client is told, and whether it is our fault and has to be logged. */
export interface Failure {
  readonly status: number;
  readonly lines: readonly ApiErrorLine[];
  readonly isInternal: boolean;
}

const maxMessageLength = 500;

/** What to answer for `error`. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RefusedError) return { status: error.status ?? 400, lines: error.lines, isInternal: false };
  if (error instanceof ValidationError) return external(400, refusalCode.invalidRequest, error.message);
  const status = statusOf(error);
  if (status === 413) return external(413, refusalCode.invalidRequest, 'The request body is too large.');
  if (status >= 400 && status < 500) return external(status, refusalCode.invalidRequest, 'Invalid request');
  return {
    status: 500,
    lines: [{ code: 10_001, message: 'Service temporarily unavailable' }],
    isInternal: true,
  };
}

function external(status: number, code: number, message: string): Failure {
  return { status, lines: [{ code, message: message.slice(0, maxMessageLength) }], isInternal: false };
}

/** Fastify puts the status it would answer on its own errors. */
function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return 500;
  return typeof error.statusCode === 'number' ? error.statusCode : 500;
}
