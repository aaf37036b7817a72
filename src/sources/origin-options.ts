// cloudflared's originRequest keys: what each takes, read from label text or from settings. Pure.
import { ValidationError } from '../errors.ts';
import type { IpRule, OriginAccess, OriginRequest } from '../model.ts';
import { parse, schemaOf } from '../validate.ts';

type Kind = 'seconds' | 'boolean' | 'string' | 'count' | 'port' | 'rules';

const kinds: Readonly<Record<Exclude<keyof OriginRequest, 'access'>, Kind>> = {
  connectTimeout: 'seconds',
  tlsTimeout: 'seconds',
  tcpKeepAlive: 'seconds',
  keepAliveTimeout: 'seconds',
  keepAliveConnections: 'count',
  httpHostHeader: 'string',
  originServerName: 'string',
  caPool: 'string',
  matchSNItoHost: 'boolean',
  noTLSVerify: 'boolean',
  http2Origin: 'boolean',
  disableChunkedEncoding: 'boolean',
  noHappyEyeballs: 'boolean',
  bastionMode: 'boolean',
  proxyAddress: 'string',
  proxyPort: 'port',
  proxyType: 'string',
  ipRules: 'rules',
};
const accessKeys = ['access.required', 'access.teamName', 'access.audTag'] as const;

/** Every key a label may write after `origin.`. */
export const originKeys: readonly string[] = [...Object.keys(kinds), ...accessKeys];

const ipRules = {
  type: 'array',
  maxItems: 64,
  items: {
    type: 'object',
    additionalProperties: false,
    properties: {
      prefix: { type: 'string', maxLength: 64 },
      ports: { type: 'array', maxItems: 64, items: { type: 'integer', minimum: 1, maximum: 65535 } },
      allow: { type: 'boolean' },
    },
  },
};
const durationText = /^(\d{1,6}(\.\d{1,3})?(ms|[dhms])){1,5}$/;
const schemas: Readonly<Record<Kind, Record<string, unknown>>> = {
  seconds: {
    anyOf: [
      { type: 'integer', minimum: 0, maximum: 31536000 },
      { type: 'string', pattern: durationText.source },
    ],
  },
  boolean: { type: 'boolean' },
  string: { type: 'string', maxLength: 1024 },
  count: { type: 'integer', minimum: 0, maximum: 10000 },
  port: { type: 'integer', minimum: 1, maximum: 65535 },
  rules: ipRules,
};

/** The JSON Schema of an originRequest in the settings; durations are seconds or text such as `30s`. */
export const originOptionsSchema: Record<string, unknown> = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...Object.fromEntries(Object.entries(kinds).map(([key, kind]) => [key, schemas[kind]])),
    access: {
      type: 'object',
      additionalProperties: false,
      properties: {
        required: { type: 'boolean' },
        teamName: { type: 'string', maxLength: 255 },
        audTag: { type: 'array', maxItems: 32, items: { type: 'string', maxLength: 128 } },
      },
    },
  },
};

/** An originRequest as written in the settings: what `originOptionsSchema` lets through. */
export type OriginOptions = {
  readonly [K in keyof OriginRequest]:
    | OriginRequest[K]
    | (OriginRequest[K] extends number | undefined ? string : never);
};

/** The same with every duration in seconds. */
export function originRequestOf(options: OriginOptions): OriginRequest {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key,
      isSeconds(key) && typeof value === 'string' ? parseSeconds(value) : value,
    ]),
  );
}

function isSeconds(key: string): boolean {
  return Object.hasOwn(kinds, key) && kinds[key as keyof typeof kinds] === 'seconds';
}

/** Either the part of an originRequest a label sets, or what is wrong with the label. */
export type OriginOption = { readonly set: OriginRequest } | { readonly problem: string };

/** What `origin.<key>=<text>` asks for; `key` is one of `originKeys`. */
export function readOriginOption(key: string, text: string): OriginOption {
  if (key.startsWith('access.')) return readAccess(key.slice('access.'.length), text);
  if (!Object.hasOwn(kinds, key)) return { problem: 'is no originRequest key' };
  const value = readers[kinds[key as keyof typeof kinds]](text);
  return typeof value === 'object' && 'problem' in value ? value : { set: { [key]: value } };
}

interface Problem {
  readonly problem: string;
}

const readers: Readonly<Record<Kind, (text: string) => number | boolean | string | readonly IpRule[] | Problem>> = {
  seconds: (text) => parseSeconds(text) ?? { problem: 'must be seconds or a duration such as 30s' },
  boolean: (text) => parseBoolean(text) ?? { problem: 'must be true or false' },
  string: (text) => (text === '' || text.length > 1024 ? { problem: 'must be 1 to 1024 characters' } : text),
  count: (text) => (/^\d{1,4}$/.test(text) ? Number(text) : { problem: 'must be a whole number below 10000' }),
  port: (text) => parsePort(text) ?? { problem: 'must be a port, 1 to 65535' },
  rules: readIpRules,
};

function readIpRules(text: string): readonly IpRule[] | Problem {
  try {
    return parse(schemaOf<readonly IpRule[]>(ipRules), JSON.parse(text), { where: 'ipRules' });
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ValidationError)
      return { problem: 'must be JSON such as [{"prefix":"10.0.0.0/8","ports":[22],"allow":true}]' };
    throw error;
  }
}

function readAccess(key: string, text: string): OriginOption {
  if (key === 'required') {
    const required = parseBoolean(text);
    return required === undefined ? { problem: 'must be true or false' } : { set: { access: { required } } };
  }
  if (text === '' || text.length > 1024) return { problem: 'must be 1 to 1024 characters' };
  if (key === 'teamName') return { set: { access: { teamName: text } } };
  const audTag = text.split(',').map((tag) => tag.trim());
  return audTag.every((tag) => tag !== '')
    ? { set: { access: { audTag } } }
    : { problem: 'must be tags between commas' };
}

/** Both together, `over` winning key by key. */
export function mergeOrigin(
  under: OriginRequest | undefined,
  over: OriginRequest | undefined,
): OriginRequest | undefined {
  if (under === undefined || over === undefined) return over ?? under;
  const access: OriginAccess = { ...under.access, ...over.access };
  return { ...under, ...over, ...(Object.keys(access).length === 0 ? {} : { access }) };
}

/** true/false/1/0/yes/no/on/off in any case, else undefined. */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return true;
  return ['false', '0', 'no', 'off'].includes(word) ? false : undefined;
}

/** A port number, else undefined. */
export function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : undefined;
}

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Seconds out of `30`, `30s`, `1m30s` or `2h`, rounded up to whole ones (the wire carries no fractions), else undefined. */
export function parseSeconds(text: string): number | undefined {
  if (/^\d{1,8}$/.test(text)) return Number(text);
  if (!durationText.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)];
  const totalMs = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? 0), 0);
  return Math.ceil(totalMs / 1000);
}
