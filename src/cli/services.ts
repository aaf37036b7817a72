// `services`: what was discovered and what would become of it, without touching anything.
import type { Command } from 'commander';
import { presetsByService } from '../plugin/presets.ts';
import { type SuggestionStatus, serviceStatuses, suggestionStatuses } from '../status.ts';
import { formatFinding } from './finding.ts';
import type { CliIo } from './io.ts';
import { addChoosingCommands } from './services-choose.ts';
import { addPresetsCommand } from './services-presets.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';
import { formatTable } from './table.ts';

/** Adds the command. */
export function addServicesCommand(program: Command, io: CliIo): void {
  const services = program
    .command('services')
    .description('what was discovered: name, source, plugin, address, hostname, state, diagnostics')
    .action(async () => {
      const { loaded, logger } = loadForCommand(program);
      const { lookOnce } = await import('../app/look.ts');
      const look = await lookOnce(loaded.settings, logger);
      const statuses = serviceStatuses(look);
      const general = look.diagnostics.filter((diagnostic) => diagnostic.serviceId === undefined);
      const suggestions = suggestionStatuses(look.suggestions);
      if (globalOptions(program).json === true) {
        const presets = presetsByService(look.desired.ingress, look.catalogue.plugins);
        const services = statuses.map((status) => ({ ...status, presets: presets.get(status.id) ?? [] }));
        io.out(`${JSON.stringify({ services, suggestions, diagnostics: general }, null, 2)}\n`);
        return;
      }
      const rows = statuses.map((service) => [
        service.name,
        service.source,
        service.plugin ?? '-',
        service.address ?? '-',
        service.hostnames.join(', ') || '-',
        service.state,
        service.diagnostics
          .map((finding) => `${finding.message}${finding.hint === undefined ? '' : ` (${finding.hint})`}`)
          .join('; '),
      ]);
      io.out(formatTable(['NAME', 'SOURCE', 'PLUGIN', 'ADDRESS', 'HOSTNAME', 'STATE', 'DIAGNOSTICS'], rows));
      if (suggestions.length > 0) io.out(formatSuggestions(suggestions));
      for (const finding of general) io.err(`${formatFinding(finding)}\n`);
    });
  addChoosingCommands(services, program, io);
  addPresetsCommand(services, program, io);
}

function formatSuggestions(suggestions: readonly SuggestionStatus[]): string {
  const rows = suggestions.map(({ name, plugin, hostnames, access, diagnostics }) => [
    name,
    plugin ?? '-',
    hostnames.join(', ') || '-',
    access.join(', ') || '-',
    diagnostics.map(({ message }) => message).join('; '),
  ]);
  const table = formatTable(['NAME', 'PLUGIN', 'WOULD BE', 'ACCESS', 'BUT'], rows);
  return `\nNot published; \`sallyport services expose NAME\` would:\n${table}`;
}
