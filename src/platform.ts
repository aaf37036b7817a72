// What the platform the program is installed on adds to it: its own options as settings, and its own sources. `src/` knows none by name.
import type { Choices } from './choices.ts';
import type { Clock } from './clock.ts';
import type { Source } from './contracts.ts';
import type { Logger } from './logger.ts';
import type { Settings } from './settings/settings.ts';

/** A platform's additions. */
export interface Platform {
  /** The platform's own options in the shape of the settings file; they win over file and environment. May throw ValidationError. */
  settings?(): Readonly<Record<string, unknown>>;
  /** All sources there shall be, given those of the program: a platform may add some, and leave out of the others what is its own. */
  sources?(own: readonly Source[], context: PlatformContext): readonly Source[];
  /** Whether this user of the platform may administer it; undefined when that cannot be found out now. Never rejects. */
  isAdmin?: (userId: string) => Promise<boolean | undefined>;
}

/** What a platform's sources are made with. */
export interface PlatformContext {
  readonly settings: () => Settings;
  /** What a person chose for single services, as it was at the last look. */
  readonly choices: () => Choices;
  readonly logger: Logger;
  readonly clock: Clock;
}

let current: Platform = {};

/** Says what this process is installed on; once, before the command line is read. Returns the way back, for tests. */
export function usePlatform(platform: Platform): () => void {
  const before = current;
  current = platform;
  return () => {
    current = before;
  };
}

/** What this process is installed on; without any, nothing is added. */
export function currentPlatform(): Platform {
  return current;
}
