// One pass, for `apply`: by the running instance when there is one, because the live rules are its own; else by a program started for it.
import { planOnce } from '../app/plan-once.ts';
import { type App, type AppOptions, createApp } from '../app.ts';
import { AppError } from '../errors.ts';
import type { Plan, ServiceId, Snapshot } from '../model.ts';
import { newSecret, openStateDir } from '../state-dir.ts';
import { instanceProof } from '../web/instance.ts';
import { isSameSecret } from '../web/secret.ts';

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
  const revision = await askRunning(options, confirmed);
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

async function askRunning({ loaded }: AppOptions, confirmDeletes: boolean): Promise<number | undefined> {
  const { host, port } = loaded.settings.webListen;
  const token = openStateDir(loaded.settings.dataDir).readOrCreate('web-token', newSecret);
  const at = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host;
  const url = `http://${at.includes(':') ? `[${at}]` : at}:${port}`;
  try {
    if (!(await isOurs(url, token))) return undefined;
    const answer = await fetch(`${url}/api/pass`, {
      method: 'POST',
      redirect: 'error',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ confirmDeletes }),
      signal: AbortSignal.timeout(120_000),
    });
    return readAnswer(answer.status, await answer.json());
  } catch (error) {
    if (error instanceof AppError) throw error;
    // Nobody listens there, or another program does: this command does the pass itself.
    return undefined;
  }
}

/** Whatever listens there shows first that it has the token: another program must not be handed it. */
async function isOurs(url: string, token: string): Promise<boolean> {
  const nonce = newSecret();
  const answer = await fetch(`${url}/api/instance?nonce=${nonce}`, {
    redirect: 'error',
    signal: AbortSignal.timeout(5_000),
  });
  const { proof } = (await answer.json()) as { readonly proof?: unknown };
  return typeof proof === 'string' && isSameSecret(proof, instanceProof(token, nonce));
}

/** The revision; throws what the running instance says went wrong. A 401 is another data directory's instance. */
function readAnswer(status: number, body: unknown): number | undefined {
  const { revision, error } = (typeof body === 'object' && body !== null ? body : {}) as {
    revision?: unknown;
    error?: { message?: unknown };
  };
  if (status === 200 && typeof revision === 'number') return revision;
  if (status >= 500 && typeof error?.message === 'string') {
    throw new AppError({
      code: 'E_STATE',
      message: `the running instance could not do it: ${error.message}`,
      hint: 'see its log or its page',
    });
  }
  return undefined;
}
