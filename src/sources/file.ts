// Services written by hand in the settings, as a source: what no engine can see.
import type { Source } from '../contracts.ts';
import { ValidationError } from '../errors.ts';
import { compilePathPattern, PathPatternError } from '../ingress/path-pattern.ts';
import { parseServiceUrl } from '../ingress/service-url.ts';
import type { OriginProtocol, Service, ServiceHints } from '../model.ts';
import { parse, schemaOf } from '../validate.ts';
import { aborted } from './aborted.ts';
import { parseHostname } from './hostname.ts';
import { type OriginOptions, originOptionsSchema, originRequestOf } from './origin-options.ts';

/** One item of the settings' `services:`. */
export interface FileService {
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
  readonly protocol?: OriginProtocol;
  readonly hostname?: string;
  readonly path?: string;
  readonly service?: string;
  readonly plugin?: string;
  readonly access?: string;
  readonly bypass?: readonly string[];
  readonly origin?: Readonly<Record<string, unknown>>;
}

/** The JSON Schema of one item. */
export const fileServiceSchema: Record<string, unknown> = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' },
    address: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,255}$' },
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    protocol: { type: 'string', enum: ['http', 'https', 'tcp', 'ssh', 'rdp', 'smb', 'unix'] },
    hostname: { type: 'string', minLength: 1, maxLength: 253 },
    path: { type: 'string', minLength: 1, maxLength: 1024 },
    service: { type: 'string', minLength: 1, maxLength: 1024 },
    plugin: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,63}$' },
    access: {
      description: "A policy's name, e-mail addresses between commas (@example.org for all of a domain), or public.",
      type: 'string',
      pattern: "^([A-Za-z0-9][A-Za-z0-9_-]{0,63}|[A-Za-z0-9._%+'@, -]{0,199}@[A-Za-z0-9._%+'@, -]{1,199})$",
      maxLength: 200,
    },
    bypass: { type: 'array', maxItems: 64, items: { type: 'string', pattern: '^/', maxLength: 256 } },
    origin: originOptionsSchema,
  },
};

type ParsedService = FileService & { readonly origin?: OriginOptions };

/** A source of exactly these services; throws ValidationError for one that cannot be, naming its place in `file`. */
export function createSettingsSource(services: readonly FileService[], file = 'settings'): Source {
  const listed = services.map((service, index) => readService(service, `${file} /services/${index}`));
  refuseTwins(listed, file);
  return {
    name: 'file',
    list: async (signal) => {
      signal.throwIfAborted();
      return { services: listed, diagnostics: [] };
    },
    watch: (_notify, signal) => aborted(signal),
  };
}

function readService(input: FileService, where: string): Service {
  const item = parse(schemaOf<ParsedService>(fileServiceSchema), input, { where, code: 'E_SETTINGS_INVALID' });
  if (item.address === undefined && item.service === undefined)
    throw invalid(where, `service "${item.name}" has no address`, 'add address (and port), or service with a full URL');
  return {
    id: `file/${item.name}`,
    name: item.name,
    source: 'file',
    ...(item.address === undefined ? {} : { address: item.address.replace(/^\[|\]$/g, '') }),
    ports: item.port === undefined ? [] : [{ number: item.port, protocol: 'tcp' }],
    hints: hintsOf(item, where),
    state: 'running',
  };
}

function hintsOf(item: ParsedService, where: string): ServiceHints {
  const { plugin, path, port, protocol, service, access } = item;
  const fields = { plugin, path, port, protocol, service, access, bypassPaths: item.bypass };
  if (path !== undefined) checkPath(path, `${where}/path`);
  if (service !== undefined) checkServiceUrl(service, item.origin, `${where}/service`);
  return {
    enable: true,
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    ...(item.hostname === undefined ? {} : { hostname: hostnameOf(item.hostname, where) }),
    ...(item.origin === undefined ? {} : { originRequest: originRequestOf(item.origin) }),
  };
}

function hostnameOf(text: string, where: string): string {
  const hostname = parseHostname(text);
  if (hostname !== undefined) return hostname;
  throw invalid(`${where}/hostname`, `"${text}" is no hostname`, 'write it like nas or nas.example.com');
}

function checkPath(path: string, where: string): void {
  try {
    compilePathPattern(path);
  } catch (error) {
    if (!(error instanceof PathPatternError)) throw error;
    throw invalid(where, error.message, 'write it as a regular expression, e.g. ^/api');
  }
}

/** The text is taken as cloudflared takes it, but here a person can be told that its port cannot be. */
function checkServiceUrl(service: string, origin: OriginOptions | undefined, where: string): void {
  const hint = 'write it like http://192.168.1.10:8080';
  try {
    const target = parseServiceUrl(service, origin === undefined ? {} : originRequestOf(origin));
    const port = 'port' in target ? target.port : undefined;
    if (port !== undefined && (port < 1 || port > 65_535)) throw invalid(where, `${port} is no port`, hint);
  } catch (error) {
    if (!(error instanceof ValidationError) || error.where !== undefined) throw error;
    throw invalid(where, error.message, hint);
  }
}

function refuseTwins(services: readonly Service[], file: string): void {
  const seen = new Set<string>();
  for (const { id, name } of services) {
    if (seen.has(id)) throw invalid(`${file} /services`, `two services are called "${name}"`, 'give each its own name');
    seen.add(id);
  }
}

function invalid(where: string, message: string, hint: string): ValidationError {
  return new ValidationError({ code: 'E_SETTINGS_INVALID', message, where, hint });
}
