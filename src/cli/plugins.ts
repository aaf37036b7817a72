// `plugins list|check`: the catalogue, and whether a plugin being written is right.
import type { Command } from 'commander';
import { builtinPlugins } from '../app/discovery.ts';
import type { CliIo } from './io.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';
import { formatTable } from './table.ts';

/** Adds both commands. */
export function addPluginsCommands(program: Command, io: CliIo): void {
  const plugins = program.command('plugins').description('the apps that are known; check a plugin being written');
  plugins
    .command('list')
    .description('the catalogue')
    .action(async () => {
      const { loaded, logger } = loadForCommand(program);
      const { loadPlugins } = await import('../plugin/load.ts');
      const { dir, allowCode } = loaded.settings.plugins;
      const catalogue = await loadPlugins({
        builtinDir: builtinPlugins,
        ...(dir === undefined ? {} : { extraDir: dir }),
        allowCode,
        logger,
      });
      const all = [...catalogue.plugins.values()].map(({ manifest, origin, problem }) => ({
        manifest,
        origin,
        problem,
      }));
      if (globalOptions(program).json === true) {
        io.out(`${JSON.stringify(all, null, 2)}\n`);
        return;
      }
      const rows = all.map(({ manifest, origin, problem }) => [
        manifest.id,
        manifest.name,
        manifest.category,
        manifest.access?.sensitivity ?? '-',
        origin,
        problem ?? '',
      ]);
      io.out(formatTable(['ID', 'NAME', 'CATEGORY', 'SENSITIVITY', 'ORIGIN', 'PROBLEM'], rows));
    });
  plugins
    .command('check <dir>')
    .description('check the manifest, code and fixtures of a plugin folder')
    .action(async (dir: string) => {
      const { checkPlugin } = await import('../plugin/check.ts');
      const report = await checkPlugin(dir);
      if (globalOptions(program).json === true) io.out(`${JSON.stringify(report, null, 2)}\n`);
      else if (report.problems.length === 0) io.out(`OK ${report.id}: ${report.fixtures} fixtures\n`);
      for (const problem of report.problems) io.err(`error E_PLUGIN_INVALID: ${problem} (${dir})\n`);
      if (report.problems.length > 0) io.setExitCode(1);
    });
}
