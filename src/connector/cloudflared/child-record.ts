// Remembers on disk which children were started, so that one that outlived a killed parent is found and ended at the next start.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const recordName = /^child-(\d{1,10})\.pid$/;

/** Notes that `pid` is ours; the file holds the pid of the parent. */
export async function recordChild(directory: string, pid: number): Promise<void> {
  await writeFile(join(directory, `child-${pid}.pid`), `${process.pid}\n`, { mode: 0o600 });
}

/** Notes that `pid` has ended. */
export async function forgetChild(directory: string, pid: number): Promise<void> {
  await rm(join(directory, `child-${pid}.pid`), { force: true });
}

/**
 * Asks every recorded child whose parent is gone to end, and forgets it; gives their pids. A pid may have been given to another
 * program since, so only a process with `mark` on its command line counts. Where there is no /proc nothing can be told apart, and nothing is ended.
 */
export async function endOrphans(directory: string, mark: string): Promise<readonly number[]> {
  const ended: number[] = [];
  for (const name of await readdir(directory)) {
    const pid = Number(recordName.exec(name)?.[1]);
    if (!Number.isInteger(pid) || pid < 2) continue;
    const parent = Number(await readIfThere(join(directory, name)));
    if (await isOrphan(pid, parent, mark)) {
      ended.push(pid);
      terminate(pid);
    } else if ((await parentOf(pid)) === parent) {
      continue; // Its parent lives: not ours to touch.
    }
    await forgetChild(directory, pid);
  }
  return ended;
}

async function isOrphan(pid: number, parent: number, mark: string): Promise<boolean> {
  const commandLine = (await readIfThere(`/proc/${pid}/cmdline`)).split('\0');
  return commandLine.includes(mark) && (await parentOf(pid)) !== parent;
}

/** Field 4 of /proc/PID/stat; the name before it stands in parentheses and may hold anything. */
async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const parent = Number(fields[1]);
  return Number.isInteger(parent) && parent > 0 ? parent : undefined;
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return ''; // No such process (any more): the caller takes it as one that has ended.
  }
}

function terminate(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // Ended in the meantime: what we wanted.
  }
}
