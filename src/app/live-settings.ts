// The settings while the program runs: what may change at once does, what may not is said, and a mistake changes nothing.
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type LoadedSettings, loadSettings, type SettingsInputs, settingsSchema } from '../settings/load.ts';
import { changedKeys } from '../settings/reload.ts';
import type { Settings } from '../settings/settings.ts';
import { watchSettingsFile } from '../settings/watch.ts';

/** Settings that follow their file. */
export interface LiveSettings {
  current(): Settings;
  /** Begins to follow the file; `onChange` is called after something took effect. */
  watch(onChange: () => void): void;
  stop(): void;
}

/** The settings as loaded, until the file says otherwise. */
export function createLiveSettings(
  loaded: LoadedSettings,
  inputs: SettingsInputs,
  logger: Logger,
  intervalMs?: number,
): LiveSettings {
  let { raw, settings } = loaded;
  const { file } = loaded;
  let isWaiting = false;
  let unwatch: () => void = () => undefined;

  function reload(onChange: () => void, isFirstLook: boolean): void {
    try {
      // This file and no other: were it looked for again, one that is gone for a moment would be none at all.
      const fresh = loadSettings({ ...inputs, file });
      // Nobody saved it while the program started.
      if (isFirstLook && isDeepStrictEqual(fresh.raw, raw)) return;
      if (fresh.isBlank) {
        wait();
        return;
      }
      isWaiting = false;
      const late = changedKeys(raw, fresh.raw, settingsSchema.schema as never).filter(
        ({ reload: when }) => when !== 'hot',
      );
      if (late.length > 0) logger.warn({ keys: late.map(({ key }) => key) }, 'changed settings that need a restart');
      raw = fresh.raw;
      settings = hotSettings(settings, fresh.settings);
      onChange();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (isGone(error)) {
        wait();
        return;
      }
      isWaiting = false;
      // The running settings stay as they are: a typo while editing must not take anything down.
      const { code, message: reason, where, hint } = error;
      logger.error({ code, reason, where, hint }, 'settings not applied');
    }
  }

  /** Editors empty or remove a file before they write it; taken at its word, that would be "no services". */
  function wait(): void {
    if (isWaiting) return;
    isWaiting = true;
    const hint = 'for no services at all write services: []';
    logger.warn({ file, hint }, 'settings file is empty or gone, the running settings stay');
  }

  return {
    current: () => settings,
    watch(onChange) {
      if (file === undefined) return;
      let isFirstLook = true;
      const onLook = () => {
        reload(onChange, isFirstLook);
        isFirstLook = false;
      };
      unwatch = watchSettingsFile(file, onLook, intervalMs);
    },
    stop: () => unwatch(),
  };
}

function isGone({ cause }: AppError): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' && 'path' in cause;
}

/** The running settings with those keys of the fresh ones that apply without a restart (`x-reload: hot`). */
function hotSettings(running: Settings, fresh: Settings): Settings {
  const { mode, expose, services, accessDefault, accessZoneDefault, policies } = fresh;
  const { apiToken, apiTokenFile } = fresh.cloudflare;
  const cloudflare = { ...running.cloudflare, apiToken, apiTokenFile };
  const embeddedEdge = { ...running.embeddedEdge, login: fresh.embeddedEdge.login };
  return { ...running, cloudflare, embeddedEdge, mode, expose, services, accessDefault, accessZoneDefault, policies };
}
