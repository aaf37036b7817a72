// Notices that the settings file changed. Polls its stat, because bind mounts and editors that replace the file defeat inotify.
import { unwatchFile, watchFile } from 'node:fs';

/** Calls back after the file changed, appeared or vanished; returns the way to stop. */
export function watchSettingsFile(file: string, onChange: () => void, intervalMs = 1_000): () => void {
  const listener = (
    now: { mtimeMs: number; size: number; ino: number },
    before: { mtimeMs: number; size: number; ino: number },
  ) => {
    if (now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino) onChange();
  };
  watchFile(file, { interval: intervalMs, persistent: false }, listener);
  return () => unwatchFile(file, listener);
}
