// Tries a plugin's folder: its manifest against the schema, its code, and every fixture against what really comes out.
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { ValidationError } from '../errors.ts';
import type { IngressEntry, Service } from '../model.ts';
import { parse, schemaOf } from '../validate.ts';
import type { LoadedPlugin } from './catalogue.ts';
import { loadFolder } from './folder.ts';
import { maxYamlBytes } from './manifest.ts';
import { type RouteContext, routeServices } from './route.ts';

/** What became of one plugin. */
export interface PluginReport {
  readonly id: string;
  readonly dir: string;
  readonly fixtures: number;
  /** Empty when all is well. */
  readonly problems: readonly string[];
}

/** One plugin's folder, or every plugin in a folder that is none itself. */
export async function checkPlugins(dir: string): Promise<readonly PluginReport[]> {
  const folders = (await listNames(dir)).includes('plugin.yaml') ? [] : await pluginFolders(dir);
  if (folders.length === 0) return [await checkPlugin(dir)];
  const reports: PluginReport[] = [];
  for (const folder of folders) reports.push(await checkPlugin(folder));
  return reports;
}

async function pluginFolders(dir: string): Promise<readonly string[]> {
  const folders = (await listNames(dir)).map((name) => join(dir, name));
  const names = await Promise.all(folders.map(listNames));
  return folders.filter((_, at) => names[at]?.includes('plugin.yaml') === true);
}

/** Runs a plugin's schema and fixtures; its code runs too, since whoever checks a plugin wrote it. */
export async function checkPlugin(dir: string): Promise<PluginReport> {
  const folder = resolve(dir);
  const id = basename(folder);
  const { manifest, problem, ...rest } = await loadFolder(folder, id, { origin: 'builtin', allowCode: true });
  if (manifest === undefined || problem !== undefined)
    return { id, dir, fixtures: 0, problems: [problem ?? 'there is no manifest'] };
  const names = await listFixtures(join(folder, 'fixtures'));
  const missing = names.length === 0 ? ['there is no fixture (fixtures/default.yaml)'] : [];
  const found = await Promise.all(
    names.map((name) => checkFixture(join(folder, 'fixtures', name), { manifest, ...rest })),
  );
  return { id, dir, fixtures: names.length, problems: [...missing, ...found.flat()] };
}

async function listFixtures(dir: string): Promise<readonly string[]> {
  return (await listNames(dir)).filter((name) => name.endsWith('.yaml'));
}

/** What is in a folder; nothing where there is none. */
async function listNames(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code))) return [];
    throw error;
  }
}

/** An entry as fixtures write it. */
interface FixtureEntry {
  readonly hostname: string;
  readonly path?: string;
  readonly service: string;
  readonly access: IngressEntry['access'];
  readonly originRequest?: IngressEntry['rule']['originRequest'];
}

interface FixtureInput {
  readonly service: Partial<Service> & Pick<Service, 'id'>;
  readonly settings: Partial<Omit<RouteContext, 'policies' | 'previous'>> & {
    readonly domain: string;
    readonly policies?: readonly string[];
  };
}

interface FixtureOutput {
  readonly entries: readonly FixtureEntry[];
  /** Codes, in order. */
  readonly diagnostics: readonly string[];
}

const portSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['number', 'protocol'],
  properties: {
    number: { type: 'integer' },
    protocol: { type: 'string', enum: ['tcp', 'udp'] },
    target: { type: 'integer' },
  },
};
const entrySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['hostname', 'service', 'access'],
  properties: {
    hostname: { type: 'string' },
    path: { type: 'string' },
    service: { type: 'string' },
    access: { type: ['string', 'object'] },
    originRequest: { type: 'object' },
  },
};

const inputSchema = schemaOf<FixtureInput>({
  type: 'object',
  additionalProperties: false,
  required: ['service', 'settings'],
  properties: {
    service: {
      type: 'object',
      additionalProperties: false,
      required: ['id'],
      properties: {
        id: { type: 'string', pattern: '^[^/]+/.+$' },
        name: { type: 'string' },
        source: { type: 'string' },
        image: { type: 'string' },
        address: { type: 'string' },
        ports: { type: 'array', items: portSchema },
        hints: { type: 'object' },
        entries: { type: 'object' },
        state: { type: 'string', enum: ['running', 'unhealthy', 'stopped'] },
      },
    },
    settings: {
      type: 'object',
      additionalProperties: false,
      required: ['domain'],
      properties: {
        domain: { type: 'string' },
        expose: { type: 'string', enum: ['labelled', 'known', 'all'] },
        accessDefault: { type: 'string' },
        policies: { type: 'array', items: { type: 'string' } },
        loopbackOnly: { type: 'boolean' },
        allow: {
          type: 'object',
          additionalProperties: false,
          properties: {
            public: { type: 'boolean', default: false },
            noTlsVerify: { type: 'boolean', default: false },
            otherOrigins: { type: 'boolean', default: false },
          },
        },
      },
    },
  },
});

const outputSchema = schemaOf<FixtureOutput>({
  type: 'object',
  additionalProperties: false,
  required: ['entries', 'diagnostics'],
  properties: {
    entries: { type: 'array', items: entrySchema },
    diagnostics: { type: 'array', items: { type: 'string' } },
  },
});

async function checkFixture(file: string, plugin: LoadedPlugin): Promise<readonly string[]> {
  const name = `fixtures/${basename(file)}`;
  try {
    const { input, output } = readFixture(await readFile(file, 'utf8'), name);
    const routed = runFixture(input, plugin);
    return [
      ...compare(`${name}: entries`, output.entries, routed.entries),
      ...compare(`${name}: diagnostics`, output.diagnostics, routed.diagnostics),
    ];
  } catch (error) {
    if (error instanceof ValidationError) return [`${error.where ?? name}: ${error.message}`];
    throw error;
  }
}

function readFixture(text: string, name: string): { input: FixtureInput; output: FixtureOutput } {
  if (text.length > maxYamlBytes)
    throw new ValidationError({ code: 'E_PLUGIN_INVALID', message: 'it is too long for a fixture', where: name });
  const documents = parseAllDocuments(text, { uniqueKeys: false });
  const broken = documents.flatMap((document) => document.errors)[0];
  const [input, output, more] = documents.map((document) => document.toJS({ maxAliasCount: 0 }) as unknown);
  if (broken !== undefined || output === undefined || more !== undefined)
    throw new ValidationError({
      code: 'E_PLUGIN_INVALID',
      message: broken?.message ?? 'a fixture is two YAML documents: what goes in, ---, what comes out',
      where: name,
    });
  return {
    input: parse(inputSchema, input, { where: name, code: 'E_PLUGIN_INVALID' }),
    output: parse(outputSchema, output, { where: name, code: 'E_PLUGIN_INVALID' }),
  };
}

/** Runs one fixture through the real routing. What a fixture leaves out: an enabled, running container, and the policies it mentions. */
function runFixture(input: FixtureInput, plugin: LoadedPlugin): FixtureOutput {
  const { id } = plugin.manifest;
  const { hints, ...given } = input.service;
  const service: Service = {
    name: id,
    source: 'docker',
    ports: [],
    state: 'running',
    ...given,
    hints: { enable: true, ...hints },
  };
  const { policies, ...settings } = input.settings;
  const asking = [service.hints, ...Object.values(service.entries ?? {})].map((one) => one.access);
  const mentioned = [settings.accessDefault, ...asking].filter(
    (one): one is string => one !== undefined && one !== 'public' && one !== 'none',
  );
  const routed = routeServices(
    [service],
    { plugins: new Map([[id, plugin]]), diagnostics: [] },
    {
      expose: 'labelled',
      accessDefault: undefined,
      loopbackOnly: false,
      allow: { public: false, noTlsVerify: false, otherOrigins: false },
      previous: [],
      ...settings,
      policies: new Set(policies ?? mentioned),
    },
  );
  return { entries: routed.entries.map(shorten), diagnostics: routed.diagnostics.map((one) => one.code) };
}

function shorten(entry: IngressEntry): FixtureEntry {
  const { hostname, path, service, originRequest } = entry.rule;
  return {
    hostname,
    ...(path === undefined ? {} : { path }),
    service,
    access: entry.access,
    ...(originRequest === undefined ? {} : { originRequest }),
  };
}

function compare(what: string, expected: unknown, actual: unknown): readonly string[] {
  if (isDeepStrictEqual(expected, actual)) return [];
  return [`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`];
}
