// Entry: runs the command line and turns its failure into the line and exit code a person can use.
import { processIo } from './cli/io.ts';
import { runCli } from './cli/program.ts';

await runCli(process.argv, processIo);
