// Notices that the settings file changed. Polls its stat, because bind mounts and editors that replace the file defeat inotify.
import { type Stats, stat } from 'node:fs';

/**
 * Calls back at the first look, because the file may have changed since it was read, and then whenever it changed, appeared or vanished;
 * returns the way to stop.
 */
export function watchSettingsFile(file: string, onLook: () => void, intervalMs = 1_000): () => void {
  let seen: string | undefined;
  let isOver = false;
  let timer = setTimeout(look, intervalMs).unref();

  function look(): void {
    stat(file, (error, found) => {
      if (isOver) return;
      timer = setTimeout(look, intervalMs).unref();
      const now = error === null ? fingerprint(found) : (error.code ?? 'unreadable');
      if (now === seen) return;
      seen = now;
      onLook();
    });
  }

  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

function fingerprint({ mtimeMs, size, ino }: Stats): string {
  return `${mtimeMs} ${size} ${ino}`;
}
