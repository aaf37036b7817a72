// The program as the page knows it, made of the program's parts: some of them are there only once it has started.
import { examineOnce } from '../app/doctor.ts';
import { checkGivenToken } from '../app/token-check.ts';
import { createChoiceStore } from '../choices.ts';
import type { CloudflareApi } from '../cloudflare/client.ts';
import { driftStatus } from '../ingress/drift-words.ts';
import type { IngressReconciler } from '../ingress/reconciler.ts';
import { createSilentLogger, type Logger } from '../logger.ts';
import { currentPlatform } from '../platform.ts';
import type { PluginCatalogue } from '../plugin/catalogue.ts';
import type { LoadedSettings, SettingsInputs } from '../settings/load.ts';
import type { EventHub } from './event-hub.ts';
import { type LogLine, levels, tapLogger } from './log-tap.ts';
import type { WebProgram } from './program.ts';
import { secretsOf } from './secrets.ts';
import { createSettingsStore } from './settings-file.ts';

/** The parts; those that are functions may give nothing before the program has started. */
export interface WebParts
  extends Pick<WebProgram, 'status' | 'snapshot' | 'settings' | 'foresee' | 'pass' | 'traffic'> {
  readonly inputs: SettingsInputs;
  readonly loaded: LoadedSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly catalogue: () => PluginCatalogue | undefined;
  readonly rules: () => IngressReconciler | undefined;
  /** Throws while there is none. */
  readonly api: () => CloudflareApi;
}

/** The program for the page. */
export function createWebProgram({ inputs, loaded, env, catalogue, rules, api, ...shown }: WebParts): WebProgram {
  const { dataDir } = loaded.settings;
  const logger = createSilentLogger();
  return {
    ...shown,
    app: (id) => catalogue()?.plugins.get(id)?.manifest,
    choices: createChoiceStore(dataDir),
    drifts: () => (rules()?.drifts() ?? []).map(driftStatus),
    examine: (id) => {
      const choose: Parameters<typeof examineOnce>[0]['choose'] = ({ services }) =>
        services.filter((service) => service.id === id);
      return examineOnce({ settings: shown.settings(), logger, env, choose });
    },
    checkToken: async (token) => checkGivenToken(shown.settings(), api(), token),
    settingsStore: createSettingsStore(inputs, loaded.file, dataDir),
    isAdmin: currentPlatform().isAdmin,
  };
}

/** The program's logger, whose lines the page shows too. */
export function showLog(logger: Logger, hub: EventHub, settings: WebProgram['settings'], now: () => number): Logger {
  const { level } = settings().log;
  const show = (line: LogLine) => hub.publish('log', line, levels[line.level]);
  const least = level === 'silent' ? 'error' : level;
  return tapLogger(logger, { least, secrets: () => secretsOf(settings()), show, now });
}
