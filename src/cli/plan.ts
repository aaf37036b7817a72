// `plan`: what the next pass would change, target by target; changes nothing.
import type { Command } from 'commander';
import { formatFinding } from './finding.ts';
import type { CliIo } from './io.ts';
import { formatPlans, hasChanges, plansAsJson } from './plan-table.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';

/** Adds the command. */
export function addPlanCommand(program: Command, io: CliIo): void {
  program
    .command('plan')
    .description('what the next pass would change, target by target; changes nothing')
    .option('--detailed-exitcode', 'exit 3 when there are changes, or a rule changed by hand waits for a decision')
    .action(async (options: { detailedExitcode?: boolean }) => {
      const { loaded, logger } = loadForCommand(program);
      const { planOnce } = await import('../app/plan-once.ts');
      const pass = await planOnce(loaded.settings, logger);
      const general = pass.diagnostics.filter((finding) => finding.severity !== 'info');
      if (globalOptions(program).json === true)
        io.out(plansAsJson({ plans: pass.plans, diagnostics: pass.diagnostics }));
      else io.out(formatPlans(pass.plans));
      for (const finding of general) io.err(`${formatFinding(finding)}\n`);
      if (options.detailedExitcode === true && hasChanges(pass)) io.setExitCode(3);
    });
}
