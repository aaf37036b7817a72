// What every route of Access shares: the query of a listing, and the answer to a delete.
import type { FastifyReply } from 'fastify';
import { type Envelope, pageSchema, success } from '../envelope.ts';

const defaultPageSize = 25;
const maxPageSize = 1_000;

/** The schema of a listing's query, with the filters it knows. */
export function listSchema(filters: Readonly<Record<string, unknown>> = {}) {
  return {
    querystring: { type: 'object', properties: { ...pageSchema(defaultPageSize, maxPageSize), ...filters } },
  };
}

/** 202, as Cloudflare answers a delete. */
export function accepted<T>(reply: FastifyReply, result: T): Envelope<T> {
  reply.code(202);
  return success(result);
}

/** True when the text holds what was searched for, whatever the case; an absent search holds everywhere. */
export function isFound(wanted: string | undefined, ...values: readonly string[]): boolean {
  if (wanted === undefined) return true;
  const needle = wanted.toLowerCase();
  return values.some((value) => value.toLowerCase().includes(needle));
}
