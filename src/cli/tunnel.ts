// `tunnel …`: the same verbs, arguments, files and outcomes as cloudflared's.
import type { Command } from 'commander';
import type { CliIo } from './io.ts';
import { addSharedOptions } from './tunnel-inputs.ts';
import { addTunnelLoginCommand } from './tunnel-login.ts';
import { addManageCommands } from './tunnel-manage.ts';
import { addTunnelRunCommand } from './tunnel-run-options.ts';

/** Adds `tunnel` and all under it. */
export function addTunnelCommands(program: Command, io: CliIo): void {
  const tunnel = program.command('tunnel').description("cloudflared's tunnel commands: manage tunnels, and run one");
  addSharedOptions(tunnel);
  addTunnelLoginCommand(program, tunnel, io);
  addManageCommands(program, tunnel, io);
  addTunnelRunCommand(program, tunnel, io);
}
