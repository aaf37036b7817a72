// What `adopt` and `release` share: the name checked, the decision kept, a running instance asked to act on it.
import type { Command } from 'commander';
import { type Choices, createChoiceStore } from '../choices.ts';
import { readOwnHostname } from '../ingress/own-hostname.ts';
import type { Settings } from '../settings/settings.ts';
import { openStateDir } from '../state-dir.ts';
import type { CliIo } from './io.ts';
import { askRunning } from './running-instance.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';

/** A decision about a name. */
export interface NameDecision {
  readonly decision: 'adopted' | 'released';
  readonly change: (choices: Choices, hostname: string) => Choices;
  /** What it means from now on, after the name. */
  readonly meaning: string;
}

/** Keeps the decision and says when it takes effect. Throws ValidationError for what is no hostname of ours. */
export async function decideName(program: Command, io: CliIo, name: string, choice: NameDecision): Promise<void> {
  const { settings } = loadForCommand(program, 'warn').loaded;
  const hostname = readOwnHostname(name, settings);
  const store = createChoiceStore(openStateDir(settings.dataDir).path);
  store.update((choices) => choice.change(choices, hostname));
  const revision = await askRunning(settings);
  if (globalOptions(program).json === true) {
    io.out(`${JSON.stringify({ hostname, decision: choice.decision, revision: revision ?? null }, null, 2)}\n`);
  } else io.out(`${hostname} ${choice.meaning}.\n${effect(settings, revision)}\n`);
}

function effect({ mode }: Settings, revision: number | undefined): string {
  if (mode === 'dry-run') return 'The mode is dry-run: nothing is changed until it is another.';
  if (revision === undefined)
    return 'No instance is running here: it counts from the next `sallyport run` or `apply` on.';
  return `Done by the running instance (revision ${revision}).`;
}
