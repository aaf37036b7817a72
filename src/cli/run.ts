// `run`: everything, until SIGTERM or SIGINT.
import type { Command } from 'commander';
import { formatError } from '../errors.ts';
import { createLogger } from '../logger.ts';
import { loadSettings } from '../settings/load.ts';
import { onEndSignals } from './end-signals.ts';
import { settingsInputs } from './settings-input.ts';

/** Adds the command. */
export function addRunCommand(program: Command): void {
  program
    .command('run', { isDefault: false })
    .description('discover, plan, apply, connect and serve the page, until SIGTERM')
    .option('--settings <file>', 'settings file')
    .action(async (options: { settings?: string }) => {
      const inputs = settingsInputs(program, options.settings);
      const loaded = loadSettings(inputs);
      const logger = createLogger(loaded.settings.log);
      const { createApp } = await import('../app.ts');
      const app = createApp({ loaded, inputs, logger, env: process.env });
      const end = (code: number) => {
        app.stop().finally(() => process.exit(code));
      };
      const forgetSignals = onEndSignals({
        ask: (signal) => {
          logger.info({ signal }, 'stopping');
          end(0);
        },
        now: () => process.exit(1),
      });
      app.onFatal((error) => {
        process.stderr.write(`${formatError(error)}\n`);
        end(1);
      });
      try {
        await app.start();
      } catch (error) {
        await app.stop();
        forgetSignals();
        throw error;
      }
    });
}
