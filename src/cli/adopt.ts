// `adopt HOSTNAME`: what somebody else made under a name becomes ours, where a service wants the name.
import type { Command } from 'commander';
import { adoptName } from '../adoption.ts';
import type { CliIo } from './io.ts';
import { decideName } from './name-decision.ts';

/** Adds the command. */
export function addAdoptCommand(program: Command, io: CliIo): void {
  program
    .command('adopt <hostname>')
    .description('take over what somebody else made under this name, for the service that wants it')
    .action((hostname: string) =>
      decideName(program, io, hostname, {
        decision: 'adopted',
        change: adoptName,
        meaning: 'is ours: what is there is taken over as soon as a service wants the name',
      }),
    );
}
