// `tunnel create|list|info|token|route dns`: cloudflared's verbs on an account's tunnels.
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { ListedTunnel } from '../cloudflare/tunnel-commands.ts';
import { ApiError, AppError, ValidationError } from '../errors.ts';
import { parseToken } from '../protocol/credentials.ts';
import { writeCredentialsFile } from '../tunnel/credentials-search.ts';
import { findTunnelId } from '../tunnel/find.ts';
import { createOwnTunnels } from '../tunnel/own-tunnels.ts';
import { isFile } from '../tunnel/secret-file.ts';
import type { CliIo } from './io.ts';
import type { TunnelAccess } from './tunnel-access.ts';
import { addCleanupCommands } from './tunnel-cleanup.ts';
import { isSwitchedOn, type TunnelInputs, tunnelInputs } from './tunnel-inputs.ts';
import {
  connectionsOf,
  formatData,
  formatInfo,
  formatOwn,
  formatRoute,
  formatTunnels,
  infoFields,
  infoSorts,
  listSorts,
  outputFormat,
  settled,
  sortConnectors,
  sortTunnels,
  tunnelFields,
} from './tunnel-output.ts';
import { readId, type Task } from './tunnel-task.ts';

/** No command of these takes longer than its calls, each of which has a deadline of its own. */
const deadlineMs = 300_000;

/** Adds them. */
export function addManageCommands(program: Command, tunnel: Command, io: CliIo): void {
  const task = async (): Promise<Task> => {
    const inputs = tunnelInputs(program, tunnel, io);
    const signal = AbortSignal.timeout(deadlineMs);
    const { openAccess } = await import('./tunnel-access.ts');
    return { inputs, access: await openAccess(inputs, signal), signal };
  };
  const output = () => new Option('-o, --output <format>', 'print json or yaml');

  tunnel
    .command('create')
    .description('create a tunnel and its credentials file')
    .argument('<name>', "the tunnel's name")
    .addOption(output())
    .addOption(
      new Option('-s, --secret <base64>', 'its secret, at least 32 bytes (default: a random one)').env(
        'TUNNEL_CREATE_SECRET',
      ),
    )
    .action(async (name: string, options: CreateOptions) => create(name, options, await task()));
  addListCommand(tunnel, output(), task);
  tunnel
    .command('info')
    .description("a tunnel's connectors and their connections")
    .argument('<tunnel>', 'id or name')
    .addOption(output())
    .option('--rd, --show-recently-disconnected', 'also connections that are being waited for')
    .addOption(new Option('--sort-by <field>').choices(infoSorts).default('createdAt').env('TUNNEL_INFO_SORT_BY'))
    .option('--invert-sort', 'the other way round')
    .action(async (ref: string, options: InfoOptions) => info(ref, options, await task()));
  tunnel
    .command('token')
    .description('print the token that runs a tunnel, or write it as a credentials file (--cred-file)')
    .argument('<tunnel>', 'id or name')
    .action(async (ref: string) => token(ref, await task()));
  addCleanupCommands(tunnel, task);
  tunnel
    .command('route')
    .description('lead a hostname to a tunnel')
    .command('dns')
    .description('add the CNAME that leads a hostname to a tunnel')
    .argument('<tunnel>', 'id or name')
    .argument('<hostname>')
    .option('-f, --overwrite-dns', 'replace an existing record (env: TUNNEL_FORCE_PROVISIONING_DNS)')
    .action(async (ref: string, hostname: string, options: { overwriteDns?: boolean }) =>
      routeDns({ ref, hostname, overwrite: mayOverwrite(options) }, await task()),
    );
}

interface CreateOptions {
  readonly output?: string;
  readonly secret?: string;
}

interface InfoOptions {
  readonly output?: string;
  readonly showRecentlyDisconnected?: boolean;
  readonly sortBy: (typeof infoSorts)[number];
  readonly invertSort?: boolean;
}

interface ListOptions {
  readonly output?: string;
  readonly showDeleted?: boolean;
  readonly name?: string;
  readonly namePrefix?: string;
  readonly excludeNamePrefix?: string;
  readonly when?: string;
  readonly id?: string;
  readonly showRecentlyDisconnected?: boolean;
  readonly sortBy: (typeof listSorts)[number];
  readonly invertSort?: boolean;
}

function addListCommand(tunnel: Command, output: Option, task: () => Promise<Task>): void {
  tunnel
    .command('list')
    .description("the account's tunnels")
    .addOption(output)
    .option('-d, --show-deleted', 'also deleted ones')
    .option('-n, --name <name>', 'only the one of this name')
    .option('--np, --name-prefix <prefix>', 'only names that begin with this')
    .option('--enp, --exclude-name-prefix <prefix>', 'only names that do not begin with this')
    .option('-w, --when <time>', 'only those that existed then, as 2026-01-31T12:00:00Z')
    .option('-i, --id <id>', 'only the one with this id')
    .option('--rd, --show-recently-disconnected', 'also connections that are being waited for')
    .addOption(new Option('--sort-by <field>').choices(listSorts).default('name').env('TUNNEL_LIST_SORT_BY'))
    .option('--invert-sort', 'the other way round')
    .action(async (options: ListOptions) => list(options, await task()));
}

async function create(name: string, options: CreateOptions, { inputs, access, signal }: Task): Promise<void> {
  const format = outputFormat(options.output, inputs.asJson);
  const secret = tunnelSecret(options.secret);
  const named = inputs.credentialsFile;
  if (named !== undefined && (await isFile(named))) throw exists(named);
  const request = { name, tunnelSecret: secret.toString('base64'), configSrc: 'local' } as const;
  const made = await access.api.create(access.account, request, signal).catch((error: unknown) => {
    throw error instanceof ApiError && error.status === 409 ? taken(name, error) : error;
  });
  const path = named ?? ownCredentialsPath(made.id, inputs, access);
  const credentials = { accountTag: access.account, tunnelId: made.id, tunnelSecret: new Uint8Array(secret) };
  await writeCredentialsFile(path, credentials).catch(async (error: unknown) => {
    // Without its secret on disk the tunnel is of no use to anybody.
    await access.api.delete(access.account, { id: made.id, cascade: true }, signal);
    throw error;
  });
  if (format !== 'table') return inputs.io.out(formatData(tunnelFields(made), format));
  const keep = 'Keep this file secret. To revoke these credentials, delete the tunnel.';
  inputs.io.out(`Tunnel credentials written to ${path}. ${keep}\n\nCreated tunnel ${name} with id ${made.id}\n`);
}

/** Beside the login; without one in our data directory. */
function ownCredentialsPath(id: string, inputs: TunnelInputs, access: TunnelAccess): string {
  const folder = access.certPath === undefined ? inputs.settings.dataDir : dirname(access.certPath);
  return join(folder, `${id}.json`);
}

function tunnelSecret(given: string | undefined): Buffer {
  if (given === undefined || given === '') return randomBytes(32);
  const secret = Buffer.from(given, 'base64');
  if (secret.length >= 32 && /^[A-Za-z0-9+/]+={0,2}$/.test(given)) return secret;
  throw new ValidationError({
    code: 'E_INPUT_INVALID',
    message: 'Decoded tunnel secret must be at least 32 bytes long',
    where: '--secret',
    hint: 'write base64, or leave it out to have one made',
  });
}

function taken(name: string, cause: ApiError): ApiError {
  return new ApiError({
    code: cause.code,
    message: `failed to create tunnel "${name}": tunnel with name already exists`,
    hint: 'use another name, or adopt it: `sallyport tunnel token --cred-file FILE NAME`',
    status: cause.status,
    apiCode: cause.apiCode,
    rayId: cause.rayId,
    cause,
  });
}

function exists(path: string): AppError {
  return new AppError({
    code: 'E_TUNNEL',
    message: 'there is such a credentials file already',
    where: path,
    hint: 'name another with --credentials-file',
  });
}

async function list(options: ListOptions, { inputs, access, signal }: Task): Promise<void> {
  const format = outputFormat(options.output, inputs.asJson);
  const filter = {
    ...(options.showDeleted === true ? {} : { is_deleted: false }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.namePrefix === undefined ? {} : { include_prefix: options.namePrefix }),
    ...(options.excludeNamePrefix === undefined ? {} : { exclude_prefix: options.excludeNamePrefix }),
    ...(options.when === undefined ? {} : { existed_at: readTime(options.when) }),
    ...(options.id === undefined ? {} : { uuid: readId(options.id, '--id') }),
  };
  const found = await access.api.list(access.account, filter, signal);
  const tunnels = sortTunnels(found, options.sortBy, options.invertSort === true);
  const showsAll = options.showRecentlyDisconnected === true;
  if (format === 'table') {
    inputs.io.out(formatTunnels(tunnels, showsAll));
    // Beside the table, which is cloudflared's to the letter.
    return inputs.io.err(formatOwn(tunnels, createOwnTunnels(inputs.settings.dataDir).list()));
  }
  const shown = tunnels.map((tunnel) =>
    tunnelFields(tunnel, showsAll ? connectionsOf(tunnel) : settled(connectionsOf(tunnel))),
  );
  inputs.io.out(formatData(shown, format));
}

function readTime(text: string): string {
  if (/^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new ValidationError({
    code: 'E_INPUT_INVALID',
    message: `"${text.slice(0, 50)}" is not a time`,
    where: '--when',
    hint: 'write it like 2026-01-31T12:00:00Z',
  });
}

async function info(ref: string, options: InfoOptions, { inputs, access, signal }: Task): Promise<void> {
  const format = outputFormat(options.output, inputs.asJson);
  const id = await findTunnelId(ref, access, signal);
  const tunnel: ListedTunnel = await access.api.get(access.account, id, signal);
  const found = await access.api.connectors(access.account, id, signal);
  const connectors = sortConnectors(found, options.sortBy, options.invertSort === true);
  if (format === 'table')
    return inputs.io.out(formatInfo(tunnel, connectors, options.showRecentlyDisconnected === true));
  inputs.io.out(formatData(infoFields(tunnel, connectors), format));
}

async function token(ref: string, { inputs, access, signal }: Task): Promise<void> {
  const id = await findTunnelId(ref, access, signal);
  const text = await access.api.token(access.account, id, signal);
  if (inputs.credentialsFile === undefined) return inputs.io.out(`${text}\n`);
  await writeCredentialsFile(inputs.credentialsFile, parseToken(text));
}

function mayOverwrite(options: { readonly overwriteDns?: boolean }): boolean {
  return options.overwriteDns === true || isSwitchedOn('TUNNEL_FORCE_PROVISIONING_DNS');
}

const hostnames = /^(\*\.)?[_a-z0-9]([_a-z0-9-]*[_a-z0-9])?(\.[_a-z0-9]([_a-z0-9-]*[_a-z0-9])?)*\.?$/i;

async function routeDns(
  wanted: { readonly ref: string; readonly hostname: string; readonly overwrite: boolean },
  { inputs, access, signal }: Task,
): Promise<void> {
  if (wanted.hostname.length > 253 || !hostnames.test(wanted.hostname))
    throw new ValidationError({
      code: 'E_INPUT_INVALID',
      message: `${wanted.hostname.slice(0, 260)} is not a valid hostname`,
      hint: 'write it like grafana.example.com or *.example.com',
    });
  const tunnel = await findTunnelId(wanted.ref, access, signal);
  const { zone, hostname } = await access.zoneFor(wanted.hostname, signal);
  const route = await access.api.routeDns(zone, { tunnel, hostname, overwrite: wanted.overwrite }, signal);
  if (inputs.asJson) inputs.io.out(`${JSON.stringify({ ...route, tunnel }, null, 2)}\n`);
  else inputs.io.err(formatRoute(route, tunnel));
}
