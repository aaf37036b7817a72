// `release HOSTNAME`: what is under a name becomes somebody else's: our marks go, everything stays.
import type { Command } from 'commander';
import { releaseName } from '../adoption.ts';
import type { CliIo } from './io.ts';
import { decideName } from './name-decision.ts';

/** Adds the command. */
export function addReleaseCommand(program: Command, io: CliIo): void {
  program
    .command('release <hostname>')
    .description('take our mark off what is under this name and leave it as it is, until it is adopted again')
    .action((hostname: string) =>
      decideName(program, io, hostname, {
        decision: 'released',
        change: releaseName,
        meaning: 'is released: our mark is taken off, what is there stays and is not changed until it is adopted again',
      }),
    );
}
