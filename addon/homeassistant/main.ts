// Entry of the add-on: the command line of `src/`, on Home Assistant when the Supervisor gave us a token, else as anywhere.
import { endWithOutput, processIo } from '../../src/cli/io.ts';
import { runCli } from '../../src/cli/program.ts';
import { usePlatform } from '../../src/platform.ts';
import { createHomeAssistantPlatform } from './platform.ts';

const { SUPERVISOR_TOKEN, HASSIO_TOKEN, SUPERVISOR_URL, SUPERVISOR_OPTIONS } = process.env;
const token = SUPERVISOR_TOKEN ?? HASSIO_TOKEN;
// Read, and out of sight of whatever this process starts.
delete process.env.SUPERVISOR_TOKEN;
delete process.env.HASSIO_TOKEN;
if (token !== undefined && token !== '')
  usePlatform(createHomeAssistantPlatform({ token, url: SUPERVISOR_URL, optionsFile: SUPERVISOR_OPTIONS }));
endWithOutput();
await runCli(process.argv, processIo);
