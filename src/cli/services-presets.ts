// `services presets`: which paths of a published app may be opened without login, and opening them when a person says so.
import type { Command } from 'commander';
import { createChoiceStore } from '../choices.ts';
import { AppError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { type EntryPresets, type PresetOffer, presetsByService } from '../plugin/presets.ts';
import type { CliIo } from './io.ts';
import { choose, findService } from './services-choose.ts';
import { globalOptions, loadForCommand } from './settings-input.ts';
import { printable } from './table.ts';

/** Adds the command to `services`. */
export function addPresetsCommand(services: Command, program: Command, io: CliIo): void {
  services
    .command('presets <name>')
    .description('paths of an app that phone apps, webhooks and the like need without login')
    .option('--open <preset>', 'open these paths (repeatable); kept in the data directory', collect)
    .action(async (name: string, { open = [] }: { readonly open?: readonly string[] }) => {
      const presets = await readPresets(program, name);
      if (open.length > 0) {
        const paths = pathsOf(open, presets, name);
        const change = { program, io, name, done: 'opens them' };
        return choose(change, (old) => ({ ...old, bypassPaths: paths }));
      }
      if (globalOptions(program).json === true) io.out(`${JSON.stringify(presets, null, 2)}\n`);
      else io.out(presets.length === 0 ? `Nothing is proposed for ${printable(name)}.\n` : describe(presets));
    });
}

async function readPresets(program: Command, name: string): Promise<readonly EntryPresets[]> {
  const { loaded, logger } = loadForCommand(program, 'warn');
  const { settings } = loaded;
  const { lookOnce } = await import('../app/look.ts');
  const look = await lookOnce(settings, logger);
  const id = findService(name, look.services, createChoiceStore(settings.dataDir).read());
  return presetsByService(look.desired.ingress, look.catalogue.plugins).get(id) ?? [];
}

/** What is open now and what these presets open; throws AppError for one that is not proposed. */
function pathsOf(names: readonly string[], presets: readonly EntryPresets[], service: string): readonly string[] {
  const offers = presets.flatMap((one) => one.offers);
  const opened = names.map((name) => {
    const found = offers.filter((offer) => offer.name === name);
    if (found.length === 0) throw unknownPreset(name, offers, service);
    return found.flatMap((offer) => offer.bypassPaths);
  });
  return [...new Set(opened.flat())];
}

function unknownPreset(name: string, offers: readonly PresetOffer[], service: string): AppError {
  const known = [...new Set(offers.map((offer) => offer.name))];
  const close = nearest(name, known);
  const all = known.length === 0 ? 'none is proposed for it: it may not be published' : `there are ${known.join(', ')}`;
  const hint = close === undefined ? all : `did you mean ${close}?`;
  return new AppError({ code: 'E_USAGE', message: `${service} has no preset "${name.slice(0, 80)}"`, hint });
}

function describe(presets: readonly EntryPresets[]): string {
  const lines = presets.flatMap(({ hostname, offers, serviceToken }) => [
    hostname,
    ...offers.flatMap(({ name, opens, why, risk, paths, isActive }) => [
      `  ${name}${isActive ? ' (open)' : ''}: opens ${opens}. ${why}`,
      `    ${risk}`,
      `    ${paths.join(', ')}`,
    ]),
    ...(serviceToken === undefined ? [] : [`  Without opening anything: ${serviceToken}`]),
  ]);
  return `${lines.map(printable).join('\n')}\n`;
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}
