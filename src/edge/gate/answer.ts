// Reads a small form from a visitor and writes him an answer.
import type { Clock } from '../../clock.ts';
import type { Visitor } from '../visitors/visitor.ts';
import type { GateAnswer } from './pages.ts';

/** Sends an answer; the head must not have been sent. */
export function answerVisitor(visitor: Visitor, answer: GateAnswer, ray: string): void {
  const body = Buffer.from(answer.body);
  const headers = [...answer.headers, 'content-length', String(body.length), 'server', 'sallyport', 'cf-ray', ray];
  const bodyless = visitor.request.method === 'HEAD' || body.length === 0;
  visitor.respond(answer.status, headers, { endStream: bodyless, trailers: false });
  if (bodyless) return;
  visitor.sink.write(body);
  visitor.finish();
}

const maxFormBytes = 16 * 1024;
const formTimeoutMs = 10_000;

/** The fields of a posted form; undefined when it is too long, too slow, or does not end. */
export async function readForm(visitor: Visitor, clock: Clock): Promise<URLSearchParams | undefined> {
  const body = await readBody(visitor, clock);
  return body === undefined ? undefined : new URLSearchParams(body.toString('utf8'));
}

async function readBody({ body }: Visitor, clock: Clock): Promise<Buffer | undefined> {
  const done = new AbortController();
  const chunks: Buffer[] = [];
  let size = 0;
  const reading = new Promise<Buffer | undefined>((resolve) => {
    body.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxFormBytes) chunks.push(chunk);
      else resolve(undefined);
    });
    body.once('end', () => resolve(Buffer.concat(chunks)));
    body.once('error', () => resolve(undefined));
    body.once('close', () => resolve(undefined));
  });
  const late = clock.sleep(formTimeoutMs, done.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([reading, late]);
  } finally {
    done.abort();
  }
}
