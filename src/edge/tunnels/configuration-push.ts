// Brings a tunnel's configuration to its connectors, each once per version, on whichever of its connections is open.
import { type ClientHttp2Stream, constants } from 'node:http2';
import { backoffMs, type Clock } from '../../clock.ts';
import { ProtocolError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { headerNames } from '../../protocol/headers.ts';
import { cancelStream } from '../cancel.ts';
import type { EdgeConfiguration, EdgeDirectory } from '../model.ts';
import type { Registry } from './registry.ts';
import type { TunnelConnection } from './tunnel-connection.ts';

/** What pushing needs. */
export interface PushOptions {
  readonly directory: Pick<EdgeDirectory, 'configuration'>;
  readonly registry: Registry<TunnelConnection>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** For one answer (ms). */
  readonly timeoutMs: number;
}

/** Pushes configurations. */
export interface ConfigurationPush {
  /** The tunnel's configuration changed, or a connector arrived. */
  update(tunnelId: string): void;
  stop(): Promise<void>;
}

/** A connector's answer: what it runs now. */
interface Applied {
  readonly lastAppliedVersion: number;
  readonly failed: boolean;
}

/** Transport failures in a row before a push is given up until something changes. */
const maxAttempts = 8;
const maxAnswerBytes = 64 * 1024;

/** Starts with nothing pushed. */
export function createConfigurationPush(options: PushOptions): ConfigurationPush {
  const { clock, directory, logger, registry } = options;
  const stopped = new AbortController();
  /** The version each connector has answered for, by tunnel and connector; a connector is forgotten when it is gone. */
  const settled = new Map<string, number>();
  const running = new Map<string, Promise<void>>();

  function update(tunnelId: string): void {
    forget();
    for (const { info } of registry.list(tunnelId)) {
      // One that keeps its own rules says so by leaving this feature out; pushing would only be refused.
      if (!info.features.includes('allow_remote_config')) continue;
      const key = `${tunnelId} ${info.clientId}`;
      // One that has just come would answer from an empty table until the first push arrives.
      if (!settled.has(key) && directory.configuration(tunnelId) !== undefined) tell(tunnelId, info.clientId, false);
      if (running.has(key) || stopped.signal.aborted) continue;
      const done = bring(key, tunnelId, info.clientId).finally(() => {
        running.delete(key);
        tell(tunnelId, info.clientId, true);
      });
      running.set(key, done);
    }
  }

  function forget(): void {
    const present = new Set<string>();
    for (const { info } of registry.all()) present.add(`${info.tunnelId} ${info.clientId}`);
    for (const key of settled.keys()) if (!present.has(key)) settled.delete(key);
  }

  /** Pushes until the connector has answered for the newest version there is. */
  async function bring(key: string, tunnelId: string, clientId: string): Promise<void> {
    for (let attempt = 0; attempt < maxAttempts && !stopped.signal.aborted; ) {
      const wanted = directory.configuration(tunnelId);
      if (wanted === undefined || wanted.version <= (settled.get(key) ?? -1)) return;
      const connection = firstOf(registry.list(tunnelId), clientId);
      if (connection === undefined) return;
      try {
        report(await pushOnce(connection, wanted, options), { tunnelId, clientId, version: wanted.version });
        settled.set(key, wanted.version);
        tell(tunnelId, clientId, true);
        attempt = 0;
      } catch (error) {
        logger.warn({ err: error, tunnel: tunnelId, connector: clientId }, 'configuration push failed, trying again');
        await clock.sleep(backoffMs(attempt++, 500, 15_000), stopped.signal).catch(() => undefined);
      }
    }
  }

  function tell(tunnelId: string, clientId: string, isTold: boolean): void {
    for (const connection of registry.list(tunnelId)) {
      if (connection.info.clientId === clientId) connection.awaitsRules = !isTold;
    }
  }

  function report(applied: Applied, push: { tunnelId: string; clientId: string; version: number }): void {
    const fields = { tunnel: push.tunnelId, connector: push.clientId, version: push.version };
    if (!applied.failed && applied.lastAppliedVersion === push.version) logger.info(fields, 'configuration applied');
    else logger.warn({ ...fields, applied: applied.lastAppliedVersion }, 'configuration not taken by the connector');
  }

  return {
    update,
    stop: async () => {
      stopped.abort();
      await Promise.all(running.values());
    },
  };
}

/** The connector's lowest open connection, as Cloudflare's edge chooses. */
function firstOf(connections: readonly TunnelConnection[], clientId: string): TunnelConnection | undefined {
  let first: TunnelConnection | undefined;
  for (const connection of connections) {
    if (connection.draining || connection.info.clientId !== clientId) continue;
    if (first === undefined || connection.info.connIndex < first.info.connIndex) first = connection;
  }
  return first;
}

async function pushOnce(
  connection: TunnelConnection,
  configuration: EdgeConfiguration,
  options: PushOptions,
): Promise<Applied> {
  const body = Buffer.from(JSON.stringify({ version: configuration.version, config: configuration.config }));
  const headers = [':method', 'PUT', ':path', '/', 'content-length', String(body.length)];
  const stream = connection.request([...headers, headerNames.upgrade, 'update-configuration'], false);
  const answered = new AbortController();
  options.clock.sleep(options.timeoutMs, answered.signal).then(
    () => cancelStream(stream),
    () => undefined,
  );
  try {
    stream.end(body);
    return parseAnswer(await readAll(stream));
  } finally {
    answered.abort();
  }
}

/** The whole body; rejects when the stream ended early or is longer than an answer can be. */
function readAll(stream: ClientHttp2Stream): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let ended = false;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxAnswerBytes) cancelStream(stream);
      else chunks.push(chunk);
    });
    stream.once('end', () => {
      ended = stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.destroyed;
    });
    stream.on('error', reject);
    stream.once('close', () => {
      if (ended) resolve(Buffer.concat(chunks));
      else reject(new ProtocolError('the connector did not answer a configuration push'));
    });
  });
}

function parseAnswer(body: Buffer): Applied {
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new ProtocolError('the answer to a configuration push is not JSON', cause);
  }
  if (typeof answer !== 'object' || answer === null || !('lastAppliedVersion' in answer))
    throw new ProtocolError('the answer to a configuration push names no version');
  const { lastAppliedVersion } = answer;
  if (typeof lastAppliedVersion !== 'number') throw new ProtocolError('the version in an answer is not a number');
  // cloudflared loses the text of the error on the way (an empty object); that there is one is all it says.
  return { lastAppliedVersion, failed: 'err' in answer && answer.err !== null };
}
