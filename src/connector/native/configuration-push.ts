// The edge pushes a configuration: applied when the tunnel is managed there, refused when its rules are ours.
import type { ServerHttp2Stream } from 'node:http2';
import { AppError, ValidationError } from '../../errors.ts';
import { parseCloudflaredJson } from '../../ingress/cloudflared-file.ts';
import { foldOriginRequest } from '../../ingress/origin-request.ts';
import type { IngressRule } from '../../model.ts';
import { parse, type Schema, schemaOf } from '../../validate.ts';

/** What to do with a pushed configuration. */
export interface PushTarget {
  readonly mode: 'refuse' | 'apply';
  /** -1 until one was applied, as in cloudflared. */
  version: number;
  /** Makes rules live. Throws ValidationError, keeping the old ones. */
  apply(rules: readonly IngressRule[], version: number): void;
}

/** The answer to a push. */
export interface PushAnswer {
  readonly lastAppliedVersion: number;
  readonly err: string | null;
}

/** Enough for tens of thousands of rules. */
const maxPushBytes = 16 * 1024 * 1024;

interface Push {
  readonly version: number;
  readonly config: unknown;
}

const pushSchema: Schema<Push> = schemaOf({
  type: 'object',
  required: ['version', 'config'],
  properties: {
    version: { type: 'integer', minimum: 0, maximum: 2_147_483_647 },
    config: { type: ['object', 'null'] },
  },
});

const where = 'configuration pushed by the edge';

/** Decides about one push and applies it when it should be; the reason of a refusal is in the answer. */
export function answerPush(body: string, target: PushTarget): PushAnswer {
  if (target.mode === 'refuse') return { lastAppliedVersion: target.version, err: 'this tunnel is configured locally' };
  try {
    const push = parse(pushSchema, parseJson(body), { where });
    if (push.version <= target.version) return { lastAppliedVersion: target.version, err: null };
    const config = parseCloudflaredJson(JSON.stringify(push.config ?? {}), where);
    target.apply(foldOriginRequest(config.ingress, config.originRequest), push.version);
    target.version = push.version;
    return { lastAppliedVersion: push.version, err: null };
  } catch (error) {
    // The edge is a peer: nothing it sends, such as a nesting too deep for JSON, may end the process.
    const err = error instanceof AppError ? error.message : 'this configuration cannot be read';
    return { lastAppliedVersion: target.version, err };
  }
}

/** Serves an update-configuration stream. */
export function serveConfigurationPush(
  stream: ServerHttp2Stream,
  target: PushTarget,
  onAnswer: (answer: PushAnswer) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxPushBytes) chunks.push(chunk);
    else stream.destroy(new Error('the pushed configuration is too large'));
  });
  // What an error means is said by the `close` that follows it.
  stream.on('error', () => undefined);
  stream.on('end', () => {
    if (stream.aborted || stream.destroyed) return;
    const answer = answerPush(Buffer.concat(chunks).toString('utf8'), target);
    const body = Buffer.from(JSON.stringify(answer));
    stream.respond(
      { ':status': 200, 'content-type': 'application/json', 'content-length': String(body.length) },
      { endStream: false },
    );
    stream.end(body);
    onAnswer(answer);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ValidationError({ code: 'E_INPUT_INVALID', message: 'it is not JSON', where, cause });
  }
}
