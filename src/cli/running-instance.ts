// A running instance of the same data directory: found at its page's address, known by a proof, asked for a pass.
import { AppError } from '../errors.ts';
import type { Settings } from '../settings/settings.ts';
import { newSecret, openStateDir } from '../state-dir.ts';
import { instanceProof } from '../web/instance.ts';
import { isSameSecret } from '../web/secret.ts';

/**
 * One full pass by the instance that runs with this data directory; resolves to its revision, or to undefined when none runs.
 * Rejects with E_STATE when the instance could not do it.
 */
export async function askRunning(
  settings: Pick<Settings, 'webListen' | 'dataDir'>,
  confirmDeletes = false,
): Promise<number | undefined> {
  const { host, port } = settings.webListen;
  const token = openStateDir(settings.dataDir).readOrCreate('web-token', newSecret);
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
