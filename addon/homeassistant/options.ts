// The add-on's options as settings of ours: `/data/options.json` in, the settings file's shape and the wishes for add-ons out. Pure.
import { parse, schemaOf } from '../../src/validate.ts';
import type { Wish } from './wishes.ts';

/** What the options come to. */
export interface FromOptions {
  /** In the shape of `sallyport.yml`; only what the options say. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Services that Home Assistant runs. */
  readonly wishes: readonly Wish[];
}

/** The options as the manifest's schema lets them be. */
interface Options {
  readonly domain?: string;
  readonly api_token?: string;
  readonly tunnel_token?: string;
  readonly zones?: readonly string[];
  readonly expose?: string;
  readonly mode?: string;
  readonly default_access?: string;
  readonly policies?: readonly PolicyOption[];
  readonly services?: readonly ServiceOption[];
  readonly log_level?: string;
}

/** One policy; who is let in. */
interface PolicyOption {
  readonly name: string;
  readonly emails?: readonly string[];
  readonly email_domains?: readonly string[];
}

/** One service: with an address something in the house, without one Home Assistant or an add-on. */
interface ServiceOption extends Wish {
  readonly address?: string;
  readonly service?: string;
}

const word = { type: 'string', minLength: 1, maxLength: 255 } as const;
const words = { type: 'array', maxItems: 1_000, items: word } as const;

const schema = schemaOf<Options>({
  type: 'object',
  additionalProperties: false,
  properties: {
    domain: word,
    api_token: { ...word, maxLength: 4_096 },
    tunnel_token: { ...word, maxLength: 4_096 },
    zones: words,
    expose: { type: 'string', enum: ['labelled', 'known', 'all'] },
    mode: { type: 'string', enum: ['sync', 'upsert-only', 'dry-run'] },
    default_access: word,
    policies: {
      type: 'array',
      maxItems: 100,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: {
          name: { ...word, pattern: '^[A-Za-z0-9][A-Za-z0-9_-]*$' },
          emails: words,
          email_domains: words,
        },
      },
    },
    services: {
      type: 'array',
      maxItems: 1_000,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: {
          name: word,
          hostname: word,
          access: word,
          bypass: { type: 'array', maxItems: 50, items: { ...word, pattern: '^/' } },
          port: { type: 'integer', minimum: 1, maximum: 65_535 },
          protocol: { type: 'string', enum: ['http', 'https', 'tcp', 'ssh', 'rdp', 'smb'] },
          address: word,
          service: word,
        },
      },
    },
    log_level: { type: 'string', enum: ['trace', 'debug', 'info', 'warn', 'error'] },
  },
});

/** Reads the options; throws ValidationError naming the one that does not hold. What was left empty counts as not said. */
export function readOptions(raw: unknown, where: string): FromOptions {
  const options = parse(schema, withoutEmpty(raw) ?? {}, { where, code: 'E_SETTINGS_INVALID' });
  const services = options.services ?? [];
  const elsewhere = services.filter((one) => one.address !== undefined || one.service !== undefined);
  const wishes = services.filter((one) => one.address === undefined && one.service === undefined);
  return { settings: settingsOf(options, elsewhere), wishes };
}

function settingsOf(options: Options, services: readonly ServiceOption[]): Readonly<Record<string, unknown>> {
  const { domain, api_token, tunnel_token, zones, expose, mode, default_access, policies, log_level } = options;
  const cloudflare = said({
    api_token,
    zones,
    tunnel: tunnel_token === undefined ? undefined : { token: tunnel_token },
  });
  const isCloudflare = api_token !== undefined || tunnel_token !== undefined;
  const access = said({ default: default_access, policies: policies === undefined ? undefined : policiesOf(policies) });
  return said({
    domain,
    edge: isCloudflare ? 'cloudflare' : undefined,
    expose,
    mode,
    cloudflare: unlessEmpty(cloudflare),
    access: unlessEmpty(access),
    services: services.length === 0 ? undefined : services,
    log: log_level === undefined ? undefined : { level: log_level },
  });
}

function policiesOf(policies: readonly PolicyOption[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    policies.map(({ name, emails, email_domains }) => [name, { allow: said({ emails, email_domains }) }]),
  );
}

function said(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function unlessEmpty<T extends object>(fields: T): T | undefined {
  return Object.keys(fields).length === 0 ? undefined : fields;
}

/** A field somebody cleared is stored as an empty text, or as nothing at all. */
function withoutEmpty(value: unknown, depth = 0): unknown {
  if (value === null || value === '' || depth > 8) return undefined;
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutEmpty(item, depth + 1)).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, field]) => [key, withoutEmpty(field, depth + 1)] as const);
  return said(Object.fromEntries(entries));
}
