// What is applied as labels to paste into Compose files, and what no label can say as settings. Pure.
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import { normaliseHostname } from '../ingress/hostname.ts';
import type { IngressEntry, Service } from '../model.ts';
import { parseLabels } from '../sources/docker-labels.ts';
import type { FileService } from '../sources/file.ts';
import type { Applied } from './applied.ts';
import { comments, withheldLines } from './comment.ts';
import { composeValue, quoteYaml, yamlKey } from './compose-yaml.ts';
import { type LabelOptions, type Labels, serviceLabels } from './labels.ts';
import { withoutUser } from './service-url.ts';
import { settingsServices } from './settings-services.ts';

/** What the export is made of. */
export interface ComposeInputs {
  readonly applied: Applied;
  readonly labels: LabelOptions;
  /** What would become of services: asks nothing, changes nothing. */
  readonly route: (services: readonly Service[]) => { readonly entries: readonly IngressEntry[] };
}

/** Labels by Compose project (as our service ids begin) and service, and items for the settings. */
export interface ComposeExport {
  readonly projects: Readonly<Record<string, Readonly<Record<string, ComposeService>>>>;
  readonly settings: readonly FileService[];
  readonly notes: readonly string[];
}

/** One service of a Compose file. */
export interface ComposeService {
  readonly labels: Labels;
  /** A service of a Swarm has its labels below `deploy`; those beside it are its containers'. */
  readonly isSwarm?: boolean;
  /** What a reader must know of them. */
  readonly note?: string;
}

/** Sorts the exported entries by where they are written. */
export function composeExport(inputs: ComposeInputs): ComposeExport {
  const byService = Map.groupBy(inputs.applied.entries, (entry) => entry.serviceId);
  const projects: Record<string, Record<string, ComposeService>> = {};
  const settings: FileService[] = [];
  const notes: string[] = [];
  const taken = new Set<string>();
  for (const service of inputs.applied.services) {
    const entries = byService.get(service.id) ?? [];
    if (entries.length === 0) continue;
    if (service.source === 'docker') {
      const { project, name, isSwarm } = placeInCompose(service);
      const written = composeService(service, entries, inputs);
      projects[project] = { ...projects[project], [name]: isSwarm ? { ...written, isSwarm } : written };
    } else if (service.source === 'builtin') notes.push(`${service.name} is built in and needs no line anywhere`);
    else settings.push(...settingsServices(service, entries, taken));
  }
  return { projects, settings, notes };
}

/** `docker/<project>/<service>`, `docker/<container>`, or `docker/swarm/<stack>_<service>`. */
function placeInCompose({ id, name }: Service): { project: string; name: string; isSwarm: boolean } {
  const project = id.slice(0, id.lastIndexOf('/'));
  const last = id.slice(project.length + 1);
  if (!project.endsWith('/swarm')) return { project, name: last, isSwarm: false };
  const stack = last.endsWith(`_${name}`) ? `/${last.slice(0, -name.length - 1)}` : '';
  return { project: project + stack, name, isSwarm: true };
}

/** The labels that give the same when they are read again; of those without `plugin` and with, the first that do. */
function composeService(service: Service, entries: readonly IngressEntry[], inputs: ComposeInputs): ComposeService {
  const plain = serviceLabels(service, entries, inputs.labels);
  if (givesTheSame(plain, service, entries, inputs)) return { labels: plain };
  const generic = serviceLabels(service, entries, inputs.labels, 'none');
  if (givesTheSame(generic, service, entries, inputs)) return { labels: generic };
  return { labels: plain, note: 'These do not give quite the same by themselves: compare with `sallyport services`.' };
}

function givesTheSame(
  labels: Labels,
  service: Service,
  entries: readonly IngressEntry[],
  { labels: { prefix }, route }: ComposeInputs,
): boolean {
  const { hints, entries: named, diagnostics } = parseLabels(labels, { prefix }, service.id);
  if (diagnostics.length > 0) return false;
  const { entries: _before, ...rest } = service;
  const again = route([{ ...rest, hints, ...(named === undefined ? {} : { entries: named }) }]).entries;
  return isDeepStrictEqual(comparable(again), comparable(entries));
}

/** What a visitor could tell apart, in an order that does not matter. */
function comparable(entries: readonly IngressEntry[]): readonly unknown[] {
  return entries
    .map(({ rule, access }) => {
      const hostname = normaliseHostname(rule.hostname) ?? rule.hostname;
      return { rule: { ...rule, hostname, service: withoutUser(rule.service) }, access };
    })
    .sort((a, b) => (sortKey(a.rule) < sortKey(b.rule) ? -1 : 1));
}

function sortKey({ hostname, path }: IngressEntry['rule']): string {
  return `${hostname} ${path ?? ''}`;
}

/** The export as YAML: one document for each Compose project, and one for the settings. */
export function renderCompose(exported: ComposeExport, applied: Applied): string {
  const head = [
    'Written by `sallyport export compose`.',
    'Each part goes into the Compose file of its project, instead of the labels of ours that are there.',
    ...exported.notes,
    ...withheldLines(applied.withheld),
  ];
  const documents = Object.entries(exported.projects).map(([project, services]) => renderProject(project, services));
  if (exported.settings.length > 0) documents.push(renderSettings(exported.settings));
  return [comments(head), ...documents].join('---\n');
}

/** The same as one JSON value; dollars are doubled as in the YAML. */
export function renderComposeJson(exported: ComposeExport, applied: Applied): string {
  const projects = Object.entries(exported.projects).map(([project, services]) => [
    project,
    { services: mapValues(services, asWritten) },
  ]);
  const value = {
    projects: Object.fromEntries(projects),
    settings: { services: exported.settings },
    notExported: applied.withheld,
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function asWritten({ labels, isSwarm }: ComposeService): unknown {
  const written = { labels: mapValues(labels, composeValue) };
  return isSwarm === true ? { deploy: written } : written;
}

function mapValues<A, B>(object: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function renderProject(project: string, services: Readonly<Record<string, ComposeService>>): string {
  const blocks = Object.entries(services).map(([name, { labels, note, isSwarm }]) => {
    const indent = isSwarm === true ? '        ' : '      ';
    const lines = Object.entries(labels).map(
      ([key, value]) => `${indent}${yamlKey(key)}: ${quoteYaml(composeValue(value))}\n`,
    );
    const remark = note === undefined ? '' : `  ${comments([note])}`;
    const head = isSwarm === true ? '    deploy:\n      labels:\n' : '    labels:\n';
    return `${remark}  ${yamlKey(name)}:\n${head}${lines.join('')}`;
  });
  const outside = project.includes('/') ? [] : ['Started without Compose: give these with --label when it is made.'];
  return `${comments([project, ...outside])}services:\n${blocks.join('')}`;
}

function renderSettings(services: readonly FileService[]): string {
  const text = stringify(
    { services },
    { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0, aliasDuplicateObjects: false },
  );
  return comments(['For sallyport.yml']) + text;
}
