// What is known of one app, for a person to read. Pure.
import type { LoadedPlugin, PluginManifest } from '../plugin/catalogue.ts';
import { notesFor } from '../plugin/notes.ts';
import { presetsFor } from '../plugin/presets.ts';
import { printable } from './table.ts';

/** The app on one page; `hostname` is written into what to set. */
export function describePlugin({ manifest, origin, problem, staleBecause }: LoadedPlugin, hostname?: string): string {
  const { id, name, category, homepage, access } = manifest;
  const reason = access.reason === undefined ? '' : `: ${access.reason}`;
  const trouble = problem ?? staleBecause;
  const lines = [
    `${name} (${id}), ${category}${homepage === undefined ? '' : `, ${homepage}`}`,
    ...(origin === 'user' ? ['A plugin of yours.'] : []),
    ...(trouble === undefined ? [] : [`It cannot be used as it is: ${trouble}`]),
    `Images       ${(manifest.match?.images ?? []).join(', ') || 'none: name it with the label plugin'}`,
    `Reached at   ${reachedAt(manifest)}`,
    `Sensitivity  ${access.sensitivity}${reason}`,
    ...section('To know', notesFor(manifest, hostname)),
    ...presetLines(manifest),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

function reachedAt({ service }: PluginManifest): string {
  if (service?.port === undefined) return 'no port of its own';
  const { port, protocol, alternatives = [], avoid = [] } = service;
  const ports = [{ port, protocol }, ...alternatives].map((one) => `${one.port} (${one.protocol ?? 'http'})`);
  return ports.join(', else ') + (avoid.length === 0 ? '' : `; never by itself ${avoid.join(', ')}`);
}

function presetLines(manifest: PluginManifest): readonly string[] {
  const { offers, serviceToken, refused } = presetsFor(manifest, { access: { policy: '' }, rule: {} });
  const lines = offers.flatMap(({ name, opens, why, risk, paths }) => [
    `${name}: opens ${opens}. ${why} ${risk}`,
    `  sallyport.access.bypass=${paths.join(',')}`,
  ]);
  const none = refused === undefined ? [] : [refused];
  const token = serviceToken === undefined ? [] : [`Without opening anything: ${serviceToken}`];
  return section('What may be opened without login, if you say so', [...lines, ...token, ...none]);
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}
