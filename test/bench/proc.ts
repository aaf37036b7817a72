// What Linux says of a process: its CPU time and its memory.
import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second on every platform we run on. */
const ticksPerSecond = 100;

/** User and system CPU time so far, in milliseconds. */
export function cpuMs(pid: number): number {
  return readCpuMs(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** The same out of the text of `/proc/PID/stat`; the program's name may hold spaces and brackets. */
export function readCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

/** Resident memory in megabytes (10^6 bytes). */
export function residentMB(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}
