// `plugins list|show|check`: the catalogue, what is known of one app, and whether a plugin being written is right.
import type { Command } from 'commander';
import { builtinPlugins } from '../app/discovery.ts';
import { ValidationError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { LoadedPlugin, PluginCatalogue } from '../plugin/catalogue.ts';
import type { PluginReport } from '../plugin/check.ts';
import { allPresets } from '../plugin/presets.ts';
import type { CliIo } from './io.ts';
import { describePlugin } from './plugin-page.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';
import { formatTable } from './table.ts';

/** Adds the commands. */
export function addPluginsCommands(program: Command, io: CliIo): void {
  const plugins = program.command('plugins').description('the apps that are known; check a plugin being written');
  plugins
    .command('list')
    .description('the catalogue, or what of it has these words in its name, category or images')
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      const { plugins: all } = await load(program);
      const found = [...all.values()].filter((plugin) => words.every((word) => mentions(plugin, word.toLowerCase())));
      if (globalOptions(program).json === true) io.out(`${JSON.stringify(found.map(withoutCode), null, 2)}\n`);
      else io.out(formatCatalogue(found));
    });
  plugins
    .command('show <id>')
    .description('what is known of one app: what to set, and what may be opened without login')
    .option('--hostname <name>', 'the name it is published under, for what to set')
    .action(async (id: string, { hostname }: { readonly hostname?: string }) => {
      const plugin = find(await load(program), id);
      if (globalOptions(program).json === true) io.out(`${JSON.stringify(withoutCode(plugin), null, 2)}\n`);
      else io.out(describePlugin(plugin, hostname));
    });
  plugins
    .command('check <dir>')
    .description('check the manifest, code and fixtures of a plugin folder, or of every one in a folder')
    .action(async (dir: string) => {
      const { checkPlugins } = await import('../plugin/check.ts');
      showReports(await checkPlugins(dir), globalOptions(program).json === true, io);
    });
}

async function load(program: Command): Promise<PluginCatalogue> {
  const { loaded, logger } = loadForCommand(program);
  const { loadPlugins } = await import('../plugin/load.ts');
  const { dir, allowCode } = loaded.settings.plugins;
  return loadPlugins({ builtinDir: builtinPlugins, extraDir: dir, allowCode, logger });
}

function mentions({ manifest }: LoadedPlugin, word: string): boolean {
  const texts = [manifest.id, manifest.name, manifest.category, ...(manifest.match?.images ?? [])];
  return texts.some((text) => text.toLowerCase().includes(word));
}

function find({ plugins }: PluginCatalogue, id: string): LoadedPlugin {
  const plugin = plugins.get(id);
  if (plugin !== undefined) return plugin;
  const close = nearest(id, plugins.keys());
  const hint = close === undefined ? 'see `plugins list`' : `did you mean ${close}?`;
  throw new ValidationError({ code: 'E_INPUT_INVALID', message: `there is no plugin "${id.slice(0, 80)}"`, hint });
}

function withoutCode({ code, ...plugin }: LoadedPlugin): object {
  return { ...plugin, hasCode: code !== undefined };
}

function formatCatalogue(plugins: readonly LoadedPlugin[]): string {
  const hasProblems = plugins.some((plugin) => problemOf(plugin) !== '');
  const rows = plugins.map((plugin) => {
    const { id, name, category, access, service } = plugin.manifest;
    const presets = allPresets(plugin.manifest).length;
    const columns = [id, name, category, access.sensitivity, String(service?.port ?? '-'), String(presets || '-')];
    return [...columns, originOf(plugin), ...(hasProblems ? [problemOf(plugin)] : [])];
  });
  const header = ['ID', 'NAME', 'CATEGORY', 'SENSITIVITY', 'PORT', 'PRESETS', 'ORIGIN'];
  const table = formatTable([...header, ...(hasProblems ? ['PROBLEM'] : [])], rows);
  const users = plugins.filter(({ origin }) => origin === 'user').length;
  return `${table}${plugins.length} apps${users === 0 ? '' : `, ${users} of them yours`}\n`;
}

function originOf({ origin, overrides }: LoadedPlugin): string {
  return overrides === true ? 'user, in place of ours' : origin;
}

function problemOf({ problem, staleBecause }: LoadedPlugin): string {
  return problem ?? staleBecause ?? '';
}

/** One plugin's report is shown as itself, several as a list. */
function showReports(reports: readonly PluginReport[], isJson: boolean, io: CliIo): void {
  if (isJson) io.out(`${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`);
  for (const report of reports) {
    if (!isJson && report.problems.length === 0) io.out(`OK ${report.id}: ${report.fixtures} fixtures\n`);
    for (const problem of report.problems) io.err(`error E_PLUGIN_INVALID: ${problem} (${report.dir})\n`);
  }
  if (reports.some(({ problems }) => problems.length > 0)) io.setExitCode(1);
}
