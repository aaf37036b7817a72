// Sallyport as an add-on of Home Assistant: its options become settings, and what the Supervisor runs becomes services.
import { closeSync, openSync, readSync } from 'node:fs';
import type { Source, SourceResult } from '../../src/contracts.ts';
import { ValidationError } from '../../src/errors.ts';
import type { Platform, PlatformContext } from '../../src/platform.ts';
import { mergeSettings } from '../../src/settings/load.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { isAdministrator } from './admins.ts';
import { openCoreSocket } from './core-socket.ts';
import { type Supervised, withoutSupervised } from './docker-overlap.ts';
import { type FromOptions, readOptions } from './options.ts';
import { createProxyCheck } from './proxy-check.ts';
import { coreId } from './services.ts';
import { createHomeAssistantSource } from './source.ts';
import { createSupervisor } from './supervisor.ts';

/** Where the Supervisor left what it has for us. */
export interface HomeAssistantOptions {
  /** Secret. */
  readonly token: string;
  /** Default `http://supervisor`. */
  readonly url?: string | undefined;
  /** Default `/data/options.json`; one that does not exist says nothing. */
  readonly optionsFile?: string | undefined;
}

/** The Supervisor asks from here and nobody else in its network can: it hands the addresses out. */
const ingressProxy = '172.30.32.2';
const maxOptionsBytes = 1024 * 1024;

/** The platform. */
export function createHomeAssistantPlatform({ token, url, optionsFile }: HomeAssistantOptions): Platform {
  const at = { url: url ?? 'http://supervisor', token };
  const file = optionsFile ?? '/data/options.json';
  let read: FromOptions | undefined;
  // Changed options restart the add-on, so they are read once.
  const options = () => (read ??= readOptions(readFile(file), file));
  return {
    settings: () => mergeSettings({ web: { ingress_proxy: ingressProxy } }, options().settings),
    isAdmin: (userId) => isAdministrator(at, userId),
    sources(own, context) {
      const source = createHomeAssistantSource({
        supervisor: createSupervisor(at),
        openEvents: (signal, onEvent) => openCoreSocket(at, signal, onEvent),
        proxyCheck: createProxyCheck({ ownWord: (signal) => ownWord(at, signal), clock: context.clock }),
        wishes: options().wishes,
        isCoreWanted: () => isCoreWanted(context),
        logger: context.logger,
        clock: context.clock,
      });
      const local = localEngines(context.settings());
      const others = own.map((one) => (local.has(one.name) ? withoutOurs(one, () => source.supervised()) : one));
      return [source, ...others];
    },
  };
}

/** Home Assistant's own word on which proxies it trusts; it has one since 2026.8. */
async function ownWord(at: { readonly url: string; readonly token: string }, signal: AbortSignal): Promise<unknown> {
  const socket = await openCoreSocket(at, signal);
  try {
    return await socket.command('http/config');
  } finally {
    socket.close();
  }
}

/** Chosen by a person, or by `expose`: Home Assistant is an app with a plugin. */
function isCoreWanted({ settings, choices }: PlatformContext): boolean {
  const chosen = choices().services[coreId]?.enable;
  return chosen ?? settings().expose !== 'labelled';
}

/** Other machines' engines may run another Home Assistant, which is not this Supervisor's. */
function localEngines({ dockerEndpoints }: Settings): ReadonlySet<string> {
  if (dockerEndpoints === undefined) return new Set(['docker']);
  return new Set(dockerEndpoints.filter(({ url }) => url.startsWith('unix:')).map(({ name }) => name));
}

function withoutOurs(source: Source, supervised: () => Supervised | undefined): Source {
  return {
    name: source.name,
    list: async (signal): Promise<SourceResult> => withoutSupervised(await source.list(signal), supervised()),
    watch: (notify, signal) => source.watch(notify, signal),
  };
}

function readFile(file: string): unknown {
  let text: string;
  try {
    text = readBounded(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT') return {};
    throw unreadable(file, `the options cannot be read (${code})`, cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(file, 'the options are no JSON', cause);
  }
}

function readBounded(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.allocUnsafe(maxOptionsBytes);
    return bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, maxOptionsBytes, 0));
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(file: string, message: string, cause: unknown): ValidationError {
  const hint = 'save the add-on’s configuration once more, and restart it';
  return new ValidationError({ code: 'E_SETTINGS_UNREADABLE', message, where: file, hint, cause });
}
