// Runs a plugin's code on one service and checks what it returns, as one checks any stranger's answer. Pure, as the code must be.
import type { Plugin, PluginContext } from '../contracts.ts';
import { type AppError, PluginError } from '../errors.ts';
import { bypassesAll } from '../ingress/bypass-path.ts';
import { parseServiceUrl } from '../ingress/service-url.ts';
import type { AccessSpec, IngressEntry, Service } from '../model.ts';
import { parseHostname } from '../sources/hostname.ts';
import { parse, schemaOf } from '../validate.ts';

/** One run of a plugin's code. */
export interface CodeRun {
  readonly id: string;
  readonly code: Plugin;
  /** With the hints of the entry in question, its named entries left out. */
  readonly service: Service;
  readonly defaults: readonly IngressEntry[];
  readonly access: AccessSpec | 'public';
  readonly policies: ReadonlySet<string>;
  readonly context: Omit<PluginContext, 'warn'>;
}

const maxEntries = 32;
const text = { type: 'string', minLength: 1, maxLength: 1024 };
const entriesSchema = schemaOf<readonly IngressEntry[]>({
  type: 'array',
  maxItems: maxEntries,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['serviceId', 'plugin', 'rule', 'access', 'explicit'],
    properties: {
      serviceId: text,
      plugin: text,
      explicit: { type: 'boolean' },
      rule: {
        type: 'object',
        additionalProperties: false,
        required: ['hostname', 'service'],
        properties: { hostname: text, path: text, service: text, originRequest: { type: 'object' } },
      },
      access: {
        anyOf: [
          { type: 'string', const: 'public' },
          {
            type: 'object',
            additionalProperties: false,
            required: ['policy'],
            properties: { policy: text, bypassPaths: { type: 'array', maxItems: 64, items: text } },
          },
        ],
      },
    },
  },
});

/** The entries the code wants and its warnings; throws PluginError when it throws or returns what cannot be. */
export function runCode(run: CodeRun): {
  readonly entries: readonly IngressEntry[];
  readonly warnings: readonly string[];
} {
  const warnings: string[] = [];
  const warn = (message: string) => {
    if (warnings.length < maxEntries) warnings.push(String(message));
  };
  try {
    const returned: unknown = run.code.route(structuredClone(run.service), structuredClone(run.defaults), {
      ...run.context,
      warn,
    });
    const entries = parse(entriesSchema, returned, { where: `plugin ${run.id}`, code: 'E_PLUGIN_FAILED' });
    return { entries: entries.map((entry) => checkEntry(entry, run)), warnings };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.slice(0, 300) : 'it threw something that is no error';
    throw new PluginError({ code: 'E_PLUGIN_FAILED', message, where: `plugin ${run.id}`, cause });
  }
}

function checkEntry(entry: IngressEntry, run: CodeRun): IngressEntry {
  const hostname = parseHostname(entry.rule.hostname);
  if (entry.serviceId !== run.service.id) throw failed('it returned an entry for another service');
  if (entry.plugin !== run.id) throw failed('it returned an entry in the name of another plugin');
  if (hostname === undefined) throw failed(`it returned "${entry.rule.hostname.slice(0, 80)}" as a hostname`);
  if (isWeaker(entry.access, run)) throw failed('it returned an entry that is more open than asked for');
  parseServiceUrl(entry.rule.service, entry.rule.originRequest);
  return { ...entry, rule: { ...entry.rule, hostname } };
}

/** Code may choose another policy that exists, but never open what was not asked to be open. */
function isWeaker(access: IngressEntry['access'], run: CodeRun): boolean {
  if (access === 'public') return run.access !== 'public';
  const asked = run.access === 'public' ? undefined : run.access.bypassPaths;
  const opens = (access.bypassPaths ?? []).some((path) => !path.startsWith('/') || bypassesAll(path));
  return !run.policies.has(access.policy) || (opens && asked?.some(bypassesAll) !== true);
}

function failed(message: string): AppError {
  return new PluginError({ code: 'E_PLUGIN_FAILED', message });
}
