// Asks a cloudflared's own HTTP server (`/ready`, `/config`, `/metrics`), which listens on loopback.
import { get } from 'node:http';
import { AppError } from '../../errors.ts';

const timeoutMs = 3000;
const maxBodyBytes = 8 * 1024 * 1024;

/** An answer, whole. */
export interface MetricsAnswer {
  readonly status: number;
  readonly body: string;
}

/** One GET; rejects with E_CONNECTOR when there is no answer within three seconds, or it is absurdly large. */
export function askMetricsServer(port: number, path: string): Promise<MetricsAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(
        new AppError({
          code: 'E_CONNECTOR',
          message: `cloudflared does not answer ${path}`,
          where: `127.0.0.1:${port}`,
          retryable: true,
          cause,
        }),
      );
    const request = get({ host: '127.0.0.1', port, path, agent: false, signal: AbortSignal.timeout(timeoutMs) });
    request.on('error', fail);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        body += piece;
        if (body.length > maxBodyBytes) response.destroy(new Error('the answer is too large'));
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', fail);
    });
  });
}

/** How many connections a `/ready` answer counts; 0 when it is not one. */
export function readyConnections(answer: MetricsAnswer): number {
  const count = numberIn(answer.body, 'readyConnections');
  if (count !== undefined) return count;
  return answer.status === 200 ? 1 : 0;
}

/** The version of the rules a `/config` answer shows; -1 before the first push. */
export function configurationVersion(answer: MetricsAnswer): number {
  return numberIn(answer.body, 'version') ?? -1;
}

function numberIn(text: string, name: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const number = (value as Record<string, unknown>)[name];
    return typeof number === 'number' && Number.isInteger(number) && number >= -1 ? number : undefined;
  } catch {
    return undefined; // Not JSON: the caller has a meaning for that.
  }
}
