// One pass, for `apply`: by the running instance when there is one, because the live rules are its own; else by a program started for it.
import { planOnce } from '../app/plan-once.ts';
import { type App, type AppOptions, createApp } from '../app.ts';
import type { Plan, ServiceId, Snapshot } from '../model.ts';
import { askRunning } from './running-instance.ts';

/** What an apply did. */
export interface Applied {
  readonly by: 'running instance' | 'this command';
  readonly revision: number;
  readonly plans: readonly Plan<unknown>[];
  readonly failed: readonly ServiceId[];
}

/** Applies once. Rejects with an AppError when the pass failed, and with whatever a bug threw. */
export async function applyOnce({
  confirmed,
  ...options
}: AppOptions & { readonly confirmed: boolean }): Promise<Applied> {
  const revision = await askRunning(options.loaded.settings, confirmed);
  if (revision !== undefined) return { by: 'running instance', revision, plans: [], failed: [] };
  // Starting the program would already make a tunnel where there is none.
  if (options.loaded.settings.mode === 'dry-run') return foresee(options);
  const app = createApp({ ...options, isOneShot: true });
  const { promise: bug, reject } = Promise.withResolvers<never>();
  app.onFatal(reject);
  try {
    const snapshot = await Promise.race([startAndPass(app, confirmed), bug]);
    return { by: 'this command', revision: snapshot.revision, plans: snapshot.plans, failed: snapshot.failed };
  } finally {
    await app.stop();
  }
}

async function startAndPass(app: App, confirmed: boolean): Promise<Snapshot> {
  await app.start();
  return app.pass('apply', { confirmed });
}

async function foresee({ loaded, logger, env }: AppOptions): Promise<Applied> {
  const { plans, failed } = await planOnce(loaded.settings, logger, env);
  return { by: 'this command', revision: 0, plans, failed };
}
