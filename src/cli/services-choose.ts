// `services expose|hide|ignore|forget`: what a person chooses for one service, kept in the data directory.
import { type Command, InvalidArgumentError } from 'commander';
import { type Choices, createChoiceStore, type ServiceChoice } from '../choices.ts';
import { AppError } from '../errors.ts';
import type { Service } from '../model.ts';
import { nearest } from '../nearest.ts';
import { parseHostname } from '../sources/hostname.ts';
import { openStateDir } from '../state-dir.ts';
import { serviceStatuses } from '../status.ts';
import { formatFinding } from './finding.ts';
import type { CliIo } from './io.ts';
import { askRunning } from './running-instance.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';

interface ExposeOptions {
  readonly hostname?: string;
  readonly access?: string;
  readonly bypass?: readonly string[];
}

/** Adds the four to `services`. */
export function addChoosingCommands(services: Command, program: Command, io: CliIo): void {
  services
    .command('expose <name>')
    .description('publish a service that no label publishes; kept in the data directory, no file of yours is changed')
    .option('--hostname <name>', 'under this name', readHostname)
    .option('--access <policy>', 'guarded by this policy; `public` lets everybody in')
    .option('--bypass <path>', 'a path that needs no login (repeatable)', collect)
    .action((name: string, options: ExposeOptions) =>
      choose({ program, io, name, done: 'is published' }, () => exposed(options)),
    );
  services
    .command('hide <name>')
    .description('publish it no more, whatever its labels say')
    .action((name: string) => choose({ program, io, name, done: 'is published no more' }, () => ({ enable: false })));
  services
    .command('ignore <name>')
    .description('do not suggest it any more')
    .action((name: string) =>
      choose({ program, io, name, done: 'is not suggested any more' }, (old) => ({ ...old, ignored: true })),
    );
  services
    .command('forget <name>')
    .description('drop what was chosen: its labels decide again')
    .action((name: string) => choose({ program, io, name, done: 'is as its labels say' }, () => undefined));
}

/** One choice to be made. */
export interface Choosing {
  readonly program: Command;
  readonly io: CliIo;
  readonly name: string;
  /** What to say of the service afterwards. */
  readonly done: string;
}

/** Changes what is chosen for the service of this name, and shows what came of it. */
export async function choose(
  { program, io, name, done }: Choosing,
  change: (old: ServiceChoice | undefined) => ServiceChoice | undefined,
): Promise<void> {
  const { loaded, logger } = loadForCommand(program, 'warn');
  const { settings } = loaded;
  const { lookOnce } = await import('../app/look.ts');
  const { services } = await lookOnce(settings, logger);
  const store = createChoiceStore(openStateDir(settings.dataDir).path);
  const before = store.read();
  const id = findService(name, services, before);
  const kept = store.update((choices) => withChoice(choices, id, change(choices.services[id])));
  const look = await lookOnce(settings, logger);
  const isWanted = kept.services[id]?.enable === true;
  if (isWanted && look.services.find((service) => service.id === id)?.hints.enable === false) {
    store.update(() => before);
    throw closedByLabel(id);
  }
  const revision = await askRunning(settings);
  const after = serviceStatuses(look).find((service) => service.id === id);
  if (globalOptions(program).json === true) {
    const choice = kept.services[id] ?? null;
    io.out(`${JSON.stringify({ id, choice, revision: revision ?? null, service: after ?? null }, null, 2)}\n`);
  } else {
    const names = after?.hostnames.map((hostname) => ` ${hostname}`).join(',') ?? '';
    io.out(
      `${id} ${done}${names === '' ? '' : `:${names}`}${revision === undefined ? ' (from the next start on)' : ''}\n`,
    );
  }
  for (const finding of after?.diagnostics ?? []) io.err(`${formatFinding(finding)}\n`);
  if (isWanted && after?.published !== true) io.setExitCode(1);
}

/** A label that closes wins over everything. */
function closedByLabel(id: string): AppError {
  return new AppError({
    code: 'E_USAGE',
    message: `${id} says enable=false, and that wins over everything`,
    hint: 'take the label away, or change it there',
  });
}

function exposed({ hostname, access, bypass }: ExposeOptions): ServiceChoice {
  return {
    enable: true,
    ...(hostname === undefined ? {} : { hostname }),
    ...(access === undefined ? {} : { access }),
    ...(bypass === undefined ? {} : { bypassPaths: bypass }),
  };
}

function withChoice(choices: Choices, id: Service['id'], choice: ServiceChoice | undefined): Choices {
  const { [id]: _old, ...others } = choices.services;
  return { ...choices, services: choice === undefined ? others : { ...others, [id]: choice } };
}

/** The service's id by itself, or by a name only one service has; one that is gone may still be found by the id of a choice. */
export function findService(name: string, services: readonly Service[], choices: Choices): Service['id'] {
  const ids = new Set([...services.map(({ id }) => id), ...Object.keys(choices.services)] as Service['id'][]);
  for (const id of ids) if (id === name) return id;
  const [only, ...others] = services.filter((service) => service.name === name);
  if (only !== undefined && others.length === 0) return only.id;
  const same = [only, ...others].flatMap((service) => service?.id ?? []);
  const close = nearest(name, services.map((service) => service.name).concat([...ids]));
  throw new AppError({
    code: 'E_USAGE',
    message: same.length > 1 ? `${same.length} services are called "${name}"` : `there is no service "${name}"`,
    hint:
      same.length > 1
        ? `name one by its id: ${same.slice(0, 10).join(', ')}`
        : close === undefined
          ? 'see `sallyport services`'
          : `did you mean ${close}?`,
  });
}

function readHostname(value: string): string {
  const hostname = parseHostname(value);
  if (hostname === undefined) throw new InvalidArgumentError('write it like photos or photos.example.com');
  return hostname;
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  if (!value.startsWith('/')) throw new InvalidArgumentError('a path starts with a slash, like /api/');
  return [...(previous ?? []), value];
}
