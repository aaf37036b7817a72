// nginx-proxy: the environment variables VIRTUAL_HOST and its kin. Pure.
import { parse as parseYaml, YAMLError } from 'yaml';
import { quote } from '../quote.ts';
import type { Dialect } from './dialect.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';
import { exactPath, pathPrefix } from './path-text.ts';
import { listOf } from './words.ts';

/** The variables nginx-proxy reads. */
const words: readonly string[] = [
  'VIRTUAL_HOST',
  'VIRTUAL_HOST_MULTIPORTS',
  'VIRTUAL_PORT',
  'VIRTUAL_PROTO',
  'VIRTUAL_PATH',
  'VIRTUAL_DEST',
  'NETWORK_ACCESS',
];

/** nginx-proxy's variables. */
export const nginxProxy: Dialect = {
  name: 'nginx-proxy',
  isEnvironment: true,
  owns: (key) => words.includes(key),
  read(labels) {
    const access = labels.get('NETWORK_ACCESS');
    if (access?.toLowerCase() === 'internal') {
      labels.note('NETWORK_ACCESS', 'it is for the local network only, so it stays unpublished');
      labels.switchOff('NETWORK_ACCESS');
      return;
    }
    const several = labels.get('VIRTUAL_HOST_MULTIPORTS');
    if (several === undefined || several === '') readPlain(labels);
    else {
      // As in nginx-proxy, the other variables then count for nothing.
      labels.pass((key) => key !== 'VIRTUAL_PROTO');
      readSeveral(labels, several);
    }
  },
};

/** What one host and path lead to. */
interface Target {
  readonly port: string | undefined;
  readonly path: string;
  readonly dest: string;
  readonly from: string;
}

function readPlain(labels: ForeignLabels): void {
  const hosts = listOf(labels.get('VIRTUAL_HOST') ?? '');
  const path = labels.get('VIRTUAL_PATH') ?? '/';
  const port = labels.get('VIRTUAL_PORT') ?? '';
  const dest = labels.get('VIRTUAL_DEST') ?? '';
  const target = { port: port === '' ? undefined : port, path, dest, from: 'VIRTUAL_HOST' };
  for (const host of hosts) readTarget(labels, host, target);
  labels.pass((key) => key === 'VIRTUAL_PROTO');
}

/** A host and a path, with what the labels say of both. */
function readTarget(labels: ForeignLabels, host: string, { port, path, dest, from }: Target): void {
  const draft = labels.entry(host.split('.')[0] ?? '', from);
  readHost(draft, host, from);
  readPath(draft, path, from === 'VIRTUAL_HOST' ? 'VIRTUAL_PATH' : from);
  if (port !== undefined) draft.set('port', port, from === 'VIRTUAL_HOST' ? 'VIRTUAL_PORT' : from);
  readProtocol(labels, draft);
  if (dest !== '' && dest !== path)
    labels.note(from === 'VIRTUAL_HOST' ? 'VIRTUAL_DEST' : from, 'paths are passed on as they are here');
}

function readHost(draft: EntryDraft, host: string, from: string): void {
  if (host.startsWith('~')) draft.drop(from, `the expression ${quote(host)} names no host in particular`);
  else if (host.endsWith('.*')) draft.drop(from, `${quote(host)} leaves the domain open`);
  else draft.set('hostname', host.replace(/^\.(?=.)/, '*.'), from);
}

/** An nginx location: a prefix, or after `=` exactly a path, after `~` an expression. */
function readPath(draft: EntryDraft, path: string, from: string): void {
  const [, modifier = '', text = ''] = /^(=|~\*?|\^~)?\s*(.*)$/.exec(path) ?? [];
  if (modifier === '~') draft.set('path', text, from);
  else if (modifier === '~*') draft.set('path', `(?i)${text}`, from);
  else if (modifier === '=') draft.set('path', exactPath(text), from);
  else {
    const prefix = pathPrefix(text);
    if (prefix !== undefined) draft.set('path', prefix, from);
  }
}

function readProtocol(labels: ForeignLabels, draft: EntryDraft): void {
  const protocol = labels.get('VIRTUAL_PROTO')?.toLowerCase() ?? '';
  if (protocol === 'http' || protocol === 'https') draft.set('protocol', protocol, 'VIRTUAL_PROTO');
  else if (protocol !== '') draft.drop('VIRTUAL_PROTO', `${quote(protocol)} is no protocol an origin is spoken to in`);
}

/** Hosts with paths with ports, as YAML or JSON. */
function readSeveral(labels: ForeignLabels, text: string): void {
  const from = 'VIRTUAL_HOST_MULTIPORTS';
  const hosts = parsed(text);
  if (!isRecord(hosts)) {
    labels.note(from, 'it is no YAML of hosts and paths; nothing is published through it');
    return;
  }
  for (const [host, paths] of Object.entries(hosts)) {
    for (const [path, target] of Object.entries(isRecord(paths) ? paths : { '/': {} })) {
      const { port, dest } = isRecord(target) ? target : {};
      const known = typeof port === 'number' || typeof port === 'string' ? String(port) : undefined;
      readTarget(labels, host, { port: known, path, dest: typeof dest === 'string' ? dest : '', from });
    }
  }
}

function parsed(text: string): unknown {
  try {
    return parseYaml(text, { maxAliasCount: 0, logLevel: 'error' });
  } catch (error) {
    // The parser refuses aliases with a ReferenceError, and everything else with an error of its own.
    if (error instanceof YAMLError || error instanceof ReferenceError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
