// JSON Schemas of the API's answers; fastify serialises by them, so nothing unlisted can slip out.
import { noncePattern } from './instance.ts';

const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;
const optionalText = { type: ['string', 'null'] } as const;

const diagnostic = {
  type: 'object',
  properties: { severity: text, code: text, message: text, hint: text, serviceId: text },
} as const;

const connection = {
  type: 'object',
  properties: {
    index: { type: 'integer' },
    state: text,
    edge: {
      type: 'object',
      properties: { host: text, port: { type: 'integer' }, region: text, family: { type: 'integer' } },
    },
    location: text,
    since: text,
    lastError: text,
  },
} as const;

/** `GET /api/status`. */
export const statusSchema = {
  type: 'object',
  properties: {
    version: text,
    edge: text,
    connector: { type: 'object', properties: { name: text, connections: { type: 'array', items: connection } } },
    ready: { type: 'boolean' },
    revision: { type: 'integer' },
    finishedAt: optionalText,
    complete: { type: 'boolean' },
    lastError: text,
    services: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: text,
          name: text,
          source: text,
          plugin: text,
          address: text,
          hostnames: texts,
          access: texts,
          rules: texts,
          state: text,
          published: { type: 'boolean' },
          diagnostics: { type: 'array', items: diagnostic },
        },
      },
    },
    held: {
      type: 'array',
      items: { type: 'object', properties: { target: text, action: text, serviceId: text, reason: text } },
    },
    suggestions: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: text,
          name: text,
          plugin: text,
          hostnames: texts,
          access: texts,
          rules: texts,
          diagnostics: { type: 'array', items: diagnostic },
        },
      },
    },
    diagnostics: { type: 'array', items: diagnostic },
  },
} as const;

/** What `GET /api/instance` asks with. */
export const instanceRequestSchema = {
  type: 'object',
  required: ['nonce'],
  properties: { nonce: { type: 'string', pattern: noncePattern } },
} as const;

/** `GET /api/instance`. */
export const instanceSchema = { type: 'object', properties: { proof: text } } as const;

/** Any error. */
export const errorSchema = {
  type: 'object',
  properties: { error: { type: 'object', properties: { code: text, message: text, hint: text } } },
} as const;

/** What `POST /api/pass` takes; nothing at all is fine. */
export const passRequestSchema = {
  type: ['object', 'null'],
  additionalProperties: false,
  properties: { confirmDeletes: { type: 'boolean' } },
} as const;
