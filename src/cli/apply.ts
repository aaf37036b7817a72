// `apply`: one pass, then exit. Asks a running instance when there is one, because the live rules are its own.
import type { Command } from 'commander';
import type { CliIo } from './io.ts';
import { formatPlans, plansAsJson } from './plan-table.ts';
import { globalOptions, loadForCommand, settingsInputs } from './settings-input.ts';

/** Adds the command. */
export function addApplyCommand(program: Command, io: CliIo): void {
  program
    .command('apply')
    .description('one pass, then exit')
    .option('--confirm-deletes', 'also make the deletes that were held because there are many')
    .action(async (options: { confirmDeletes?: boolean }) => {
      const { loaded, logger } = loadForCommand(program, 'warn');
      const { applyOnce } = await import('./apply-once.ts');
      const result = await applyOnce({
        confirmed: options.confirmDeletes === true,
        loaded,
        inputs: settingsInputs(program),
        logger,
        env: process.env,
      });
      if (globalOptions(program).json === true) io.out(plansAsJson(result));
      else if (result.by === 'running instance')
        io.out(`Done by the running instance (revision ${result.revision}).\n`);
      else io.out(formatPlans(result.plans));
      if (result.failed.length > 0) io.setExitCode(1);
    });
}
