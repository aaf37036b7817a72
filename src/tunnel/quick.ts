// Asks a quick-tunnel service for a tunnel and a name: nobody needs an account for one, and nobody keeps it.
import { ApiError } from '../errors.ts';
import type { TunnelCredentials } from '../model.ts';
import { parse, schemaOf } from '../validate.ts';

/** Cloudflare's. */
export const cloudflareQuickService = 'https://api.trycloudflare.com';

/** A tunnel for now. The secret in it must never be logged. */
export interface QuickTunnel {
  readonly hostname: string;
  readonly credentials: TunnelCredentials;
}

interface Answer {
  readonly success?: boolean;
  readonly result?: {
    readonly id: string;
    readonly hostname: string;
    readonly account_tag: string;
    readonly secret: string;
  } | null;
  readonly errors?: readonly { readonly code?: number; readonly message?: string }[] | null;
}

const schema = schemaOf<Answer>({
  type: 'object',
  properties: {
    success: { type: 'boolean' },
    result: {
      type: 'object',
      nullable: true,
      required: ['id', 'hostname', 'account_tag', 'secret'],
      properties: {
        id: { type: 'string', format: 'uuid' },
        hostname: { type: 'string', maxLength: 253, pattern: '^[a-z0-9-]+(\\.[a-z0-9-]+)+$' },
        account_tag: { type: 'string', minLength: 1, maxLength: 256 },
        secret: { type: 'string', maxLength: 4_096, pattern: '^[A-Za-z0-9+/]+={0,2}$' },
      },
    },
    errors: {
      type: 'array',
      nullable: true,
      items: { type: 'object', properties: { code: { type: 'number' }, message: { type: 'string' } } },
    },
  },
});

const timeoutMs = 15_000;
const maxBytes = 65_536;

/** Where to ask; the token only for services that want one. */
export interface QuickService {
  readonly url: string;
  readonly apiToken?: string | undefined;
}

/** Asks for one. Rejects with ApiError. */
export async function requestQuickTunnel(service: QuickService, signal: AbortSignal): Promise<QuickTunnel> {
  const { status, body } = await post(service, signal);
  const answer = read(body, service.url);
  const { result } = answer;
  if (status >= 400 || answer.success === false || result === undefined || result === null)
    throw refused(status, answer, service.url);
  return {
    hostname: result.hostname,
    credentials: {
      accountTag: result.account_tag,
      tunnelId: result.id.toLowerCase(),
      tunnelSecret: new Uint8Array(Buffer.from(result.secret, 'base64')),
    },
  };
}

interface Posted {
  readonly status: number;
  readonly body: string;
}

async function post({ url, apiToken }: QuickService, signal: AbortSignal): Promise<Posted> {
  const headers = apiToken === undefined ? {} : { authorization: `Bearer ${apiToken}` };
  const ending = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const answer = await fetch(`${url.replace(/\/$/, '')}/tunnel`, {
      method: 'POST',
      headers,
      signal: ending,
      redirect: 'error',
    });
    return { status: answer.status, body: await readText(answer, url) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ApiError) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new ApiError({
      code: 'E_API_UNREACHABLE',
      message: `the quick-tunnel service cannot be reached (${cause instanceof Error ? cause.message : 'unknown'})`,
      where: url,
      retryable: true,
      hint: isOnThisMachine(url)
        ? 'is it running? On this machine that is `sallyport run`'
        : 'check the network and the name resolution',
      cause: error,
    });
  }
}

function isOnThisMachine(url: string): boolean {
  return URL.canParse(url) && /^(127\.|localhost$|\[::1\]$)/.test(new URL(url).hostname);
}

async function readText(answer: Response, where: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw unusable('an answer without end', where);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Neither parser nor schema may quote what came: there is a secret in it. */
function read(body: string, where: string): Answer {
  try {
    return parse(schema, JSON.parse(body), { where, code: 'E_API_ANSWER' });
  } catch {
    throw unusable('it is not what a quick-tunnel service answers', where);
  }
}

function unusable(problem: string, where: string): ApiError {
  return new ApiError({
    code: 'E_API_ANSWER',
    message: `the quick-tunnel service's answer cannot be used: ${problem}`,
    where,
    hint: 'is it the address of such a service?',
  });
}

function refused(status: number, answer: Answer, where: string): ApiError {
  const said = answer.errors?.[0]?.message?.slice(0, 300) ?? `status ${status}`;
  return new ApiError({
    code: status === 429 ? 'E_API_RATE_LIMITED' : 'E_API',
    message: `the quick-tunnel service refused: ${said}`,
    where,
    status,
    hint: status === 429 ? 'try again later' : undefined,
  });
}
