// `drift`: rules of ours that were changed by hand, and what becomes of them.
import type { Command } from 'commander';
import { createChoiceStore, type DriftChoice } from '../choices.ts';
import { decide, driftKey, keyOf } from '../ingress/drift-choose.ts';
import { type DriftStatus, driftStatus } from '../ingress/drift-words.ts';
import type { Settings } from '../settings/settings.ts';
import { openStateDir } from '../state-dir.ts';
import { formatFinding } from './finding.ts';
import type { CliIo } from './io.ts';
import { askRunning } from './running-instance.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';
import { formatTable } from './table.ts';

interface Verb {
  readonly name: string;
  readonly choice: DriftChoice;
  readonly description: string;
  /** What is so from now on, after the rule's name. */
  readonly done: string;
}

const verbs: readonly Verb[] = [
  {
    name: 'keep',
    choice: 'mine',
    description: 'keep ours: our rule is written again, and what was decided before is taken back',
    done: 'is ours again',
  },
  {
    name: 'take',
    choice: 'theirs',
    description: 'take theirs: what was written by hand is served, until labels or settings of the service change',
    done: 'is served as it was written by hand',
  },
  {
    name: 'ignore',
    choice: 'ignore',
    description: 'leave the rule alone, whatever is written there by hand',
    done: 'is left alone',
  },
];

/** Adds the command. */
export function addDriftCommand(program: Command, io: CliIo): void {
  const drift = program
    .command('drift')
    .description('rules of ours that were changed by hand, as at the dashboard')
    .action(() => list(program, io));
  for (const verb of verbs)
    drift
      .command(`${verb.name} [hostname]`)
      .description(verb.description)
      .addHelpText(
        'after',
        '\nA hostname stands for every rule under it that has no decision of its own; hostname/path is one rule.',
      )
      .option('--path <regex>', 'only the rule with this path, as `sallyport drift` shows it')
      .option('--all', 'every rule that was changed by hand and is not decided about')
      .action((hostname: string | undefined, options: { path?: string; all?: boolean }, command: Command) => {
        if ((hostname === undefined) !== (options.all === true) || (options.all === true && options.path !== undefined))
          command.error('error: name one hostname, or give --all');
        return choose({ program, io, verb }, hostname, options.path);
      });
}

async function list(program: Command, io: CliIo): Promise<void> {
  const { loaded, logger } = loadForCommand(program);
  const { withPlan } = await import('../app/plan-once.ts');
  const { drifts, problems } = await withPlan(
    { settings: loaded.settings, logger, env: process.env },
    async ({ ingress, pass }) => ({
      drifts: ingress.drifts().map(driftStatus),
      problems: pass.diagnostics.filter(({ severity, serviceId }) => severity === 'error' && serviceId === undefined),
    }),
  );
  if (globalOptions(program).json === true) io.out(`${JSON.stringify({ drift: drifts }, null, 2)}\n`);
  else io.out(drifts.length === 0 ? 'No rule of ours was changed by hand.\n' : formatDrifts(drifts));
  for (const finding of problems) io.err(`${formatFinding(finding)}\n`);
}

/** One line per rule. */
function formatDrifts(drifts: readonly DriftStatus[]): string {
  const rows = drifts.map((drift) => [
    drift.hostname,
    drift.path ?? '-',
    drift.serviceId,
    drift.kind,
    drift.differences.join(', ') || '-',
    decisionOf(drift),
  ]);
  return formatTable(['HOSTNAME', 'PATH', 'SERVICE', 'KIND', 'THEIRS → OURS', 'DECISION'], rows);
}

function decisionOf({ choice, closed, leadsTo }: DriftStatus): string {
  const words = { mine: 'ours will be written', theirs: 'theirs is served', ignore: 'ignored' };
  const decision = choice === undefined ? 'none: keep, take or ignore it' : words[choice];
  if (closed !== undefined) return `${decision}; answers 503, because ${closed}`;
  return leadsTo === undefined ? decision : `${decision}; leads to ${leadsTo}`;
}

interface Choosing {
  readonly program: Command;
  readonly io: CliIo;
  readonly verb: Verb;
}

async function choose({ program, io, verb }: Choosing, name: string | undefined, path?: string): Promise<void> {
  const { loaded, logger } = loadForCommand(program, 'warn');
  const { settings } = loaded;
  const store = createChoiceStore(openStateDir(settings.dataDir).path);
  const { withPlan } = await import('../app/plan-once.ts');
  const drifted = await withPlan({ settings, logger, env: process.env }, async ({ ingress }) =>
    ingress.drifts().map(driftStatus),
  );
  const known = { drifted, choices: store.read() };
  const keys =
    name === undefined
      ? drifted.filter(({ choice }) => choice === undefined).map(keyOf)
      : [driftKey({ name, path, domain: settings.domain }, verb.choice, known)];
  if (keys.length > 0) store.update((choices) => keys.reduce((now, key) => decide(now, key, verb.choice), choices));
  const revision = keys.length === 0 ? undefined : await askRunning(settings);
  if (globalOptions(program).json === true)
    io.out(`${JSON.stringify({ rules: keys, decision: verb.choice, revision: revision ?? null }, null, 2)}\n`);
  else
    io.out(keys.length === 0 ? 'Nothing waits for a decision.\n' : formatDone(keys, verb, effect(settings, revision)));
}

function formatDone(keys: readonly string[], { done }: Verb, when: string): string {
  return `${keys.map((key) => `${key.replace(' ', ' with path ')} ${done}.`).join('\n')}\n${when}\n`;
}

function effect({ mode }: Settings, revision: number | undefined): string {
  if (mode === 'dry-run') return 'The mode is dry-run: nothing is changed until it is another.';
  if (revision === undefined)
    return 'No instance is running here: it counts from the next `sallyport run` or `apply` on.';
  return `Done by the running instance (revision ${revision}).`;
}
