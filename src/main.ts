// Entry: runs the command line and turns its failure into the line and exit code a person can use.
import { endWithOutput, processIo } from './cli/io.ts';
import { runCli } from './cli/program.ts';

endWithOutput();
await runCli(process.argv, processIo);
