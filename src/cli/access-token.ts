// `access token create|list|rotate|refresh|delete`: what programs without a browser pass a policy with.
import type { Command } from 'commander';
import { findToken, type KnownToken, knownTokens, newTokenName, tokenUsers } from '../access/service-tokens.ts';
import type { IssuedServiceToken } from '../cloudflare/access-service-tokens.ts';
import { ConflictError, ValidationError } from '../errors.ts';
import { durationMs } from '../settings/duration.ts';
import type { AccessAccount } from './access-account.ts';
import type { CliIo } from './io.ts';
import { globalOptions } from './settings-input.ts';
import { formatTable, printable } from './table.ts';

interface Forcible {
  readonly force?: boolean;
}

/** What an action works with. */
interface Task extends AccessAccount {
  readonly io: CliIo;
  readonly asJson: boolean;
  readonly signal: AbortSignal;
}

const hourMs = 3_600_000;
/** No token that ends does so as late as this. */
const endlessYear = 3000;
/** Ten years. */
const maxHours = 10 * 8_760;

/** Adds `token` to `access`. */
export function addAccessTokenCommands(access: Command, program: Command, io: CliIo): void {
  const token = access.command('token').description('service tokens: how apps and scripts pass a policy');
  const run = async (forWriting: boolean, act: (task: Task) => Promise<void>) => {
    const { signal } = new AbortController();
    const { openAccessAccount } = await import('./access-account.ts');
    const account = await openAccessAccount(program, { forWriting }, signal);
    await act({ ...account, io, asJson: globalOptions(program).json === true, signal });
  };
  const force = ['--force', 'also when this Sallyport did not make it'] as const;
  token
    .command('create <name>')
    .description('make one and print its two headers; the secret is shown this once')
    .option('--duration <time>', 'how long it is valid, such as 365d or forever', '8760h')
    .action((name: string, { duration }: { duration: string }) => {
      const wanted = { name, duration: hours(duration) };
      return run(true, (task) => create(wanted, task));
    });
  token
    .command('list')
    .description('the account’s service tokens, without their secrets')
    .action(() => run(false, list));
  token
    .command('rotate <name>')
    .description('give it a new secret, shown this once; the old one ends at once')
    .option(...force)
    .action((name: string, options: Forcible) => run(false, (task) => rotate(name, options, task)));
  token
    .command('refresh <name>')
    .description('make it valid for its whole duration again; its secret stays')
    .option(...force)
    .action((name: string, options: Forcible) => run(false, (task) => refresh(name, options, task)));
  token
    .command('delete <name>')
    .description('delete it; whoever uses it gets in no more')
    .option('--force', 'also when a policy names it, or this Sallyport did not make it')
    .action((name: string, options: Forcible) => run(false, (task) => remove(name, options, task)));
}

async function create(wanted: { readonly name: string; readonly duration: string }, task: Task): Promise<void> {
  const { access, account, owner, signal } = task;
  const name = newTokenName(wanted.name, await allTokens(task), owner);
  const issued = await access.tokens.create(account, { name, duration: wanted.duration }, signal);
  // An answer may have been lost before this one: a token whose secret nobody knows would make the name ambiguous.
  for (const other of await access.serviceTokens(account, signal))
    if (other.name === name && other.id !== issued.id) await access.tokens.delete(account, other.id, signal);
  show(wanted.name.trim(), issued, task);
}

async function rotate(wanted: string, { force = false }: Forcible, task: Task): Promise<void> {
  const { name, api } = findToken(wanted, await allTokens(task), force);
  show(name, await task.access.tokens.rotate(task.account, api.id, task.signal), task);
}

async function refresh(wanted: string, { force = false }: Forcible, task: Task): Promise<void> {
  const { name, api } = findToken(wanted, await allTokens(task), force);
  const token = await task.access.tokens.refresh(task.account, api.id, task.signal);
  const expiresAt = token.expires_at ?? undefined;
  if (task.asJson) task.io.out(`${JSON.stringify({ name, id: api.id, expiresAt }, null, 2)}\n`);
  else task.io.err(`${printable(name)} is valid ${until(expiresAt)}; its secret is the same\n`);
}

async function remove(wanted: string, { force = false }: Forcible, task: Task): Promise<void> {
  const token = findToken(wanted, await allTokens(task), force);
  const users = force ? [] : (await usersOf([token], task)).flat();
  if (users.length > 0)
    throw new ConflictError({
      code: 'E_CONFLICT',
      message: `service token "${token.name}" is named by policy ${users.join(', ')}`,
      hint: 'take it out of the policy first, or add --force: a policy that names what does not exist closes its services',
    });
  await task.access.tokens.delete(task.account, token.api.id, task.signal);
  if (task.asJson) task.io.out(`${JSON.stringify({ name: token.name, id: token.api.id }, null, 2)}\n`);
  else task.io.err(`${printable(token.name)} is deleted\n`);
}

async function list(task: Task): Promise<void> {
  const tokens = await allTokens(task);
  const users = await usersOf(tokens, task);
  const rows = tokens.map((token, index) => ({
    name: token.name,
    id: token.api.id,
    isOurs: token.isOurs,
    clientId: token.api.client_id,
    expiresAt: token.api.expires_at ?? undefined,
    isEnabled: token.api.enabled !== false,
    policies: users[index] ?? [],
  }));
  if (task.asJson) task.io.out(`${JSON.stringify(rows, null, 2)}\n`);
  else if (rows.length === 0)
    task.io.err('there are no service tokens; `sallyport access token create NAME` makes one\n');
  else
    task.io.out(
      formatTable(
        ['NAME', 'OURS', 'CLIENT ID', 'VALID UNTIL', 'POLICIES'],
        rows.map(({ name, isOurs, clientId = '', expiresAt, isEnabled, policies }) => [
          name,
          isOurs ? 'yes' : 'no',
          clientId,
          isEnabled ? day(expiresAt) : 'switched off',
          policies.join(', '),
        ]),
      ),
    );
}

async function allTokens({ access, account, owner, signal }: Task): Promise<readonly KnownToken[]> {
  return knownTokens(await access.serviceTokens(account, signal), owner);
}

/** The policies that name each of them. */
async function usersOf(
  tokens: readonly KnownToken[],
  { access, account, owner, settings, signal }: Task,
): Promise<readonly (readonly string[])[]> {
  const [policies, applications] = await Promise.all([
    access.policies.list(account, signal),
    access.applications.list(account, signal),
  ]);
  return tokens.map((token) => tokenUsers(token, { policies, applications, settings: settings.policies }, owner));
}

/** The only place a secret is written to: standard output, so that it can be piped into a secret store and is in no log. */
function show(name: string, issued: IssuedServiceToken, { io, asJson }: Task): void {
  const { id, client_id: clientId, client_secret: clientSecret, expires_at: expiresAt } = issued;
  if (asJson) {
    io.out(`${JSON.stringify({ name, id, clientId, clientSecret, expiresAt }, null, 2)}\n`);
    return;
  }
  io.out(`CF-Access-Client-Id: ${clientId}\nCF-Access-Client-Secret: ${clientSecret}\n`);
  io.err(
    [
      `The secret is shown this once. ${printable(name)} is valid ${until(expiresAt ?? undefined)}.`,
      'Have the app send both lines as headers with every request (Home Assistant, Immich and others: "custom headers").',
      `It gets in where a policy names it: allow: { service_tokens: [${name}] }`,
      '',
    ].join('\n'),
  );
}

/** The duration as Cloudflare takes it. Throws ValidationError. */
function hours(text: string): string {
  if (text === 'forever') return text;
  const count = durationMs(text, '--duration') / hourMs;
  if (Number.isInteger(count) && count >= 1 && count <= maxHours) return `${count}h`;
  throw new ValidationError({
    code: 'E_INPUT_INVALID',
    message: `a service token cannot be valid for ${text.slice(0, 40)}`,
    where: '--duration',
    hint: 'write whole hours or days, such as 8760h or 365d, at most ten years, or forever',
  });
}

function until(time: string | undefined): string {
  const last = day(time);
  return /^\d/.test(last) ? `until ${last}` : last;
}

function day(time: string | undefined): string {
  const at = new Date(time ?? Number.NaN);
  if (at.getUTCFullYear() >= endlessYear) return 'for ever';
  return Number.isNaN(at.getTime()) ? 'nobody knows when' : at.toISOString().slice(0, 10);
}
