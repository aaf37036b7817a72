// An HTTP answer as far as it is judged: its status, its headers, and the beginning of its body. I/O only.
import type { IncomingMessage } from 'node:http';

/** What was answered; it is untrusted. */
export interface Answer {
  readonly status: number;
  /** In lower case; of repeated ones the first. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first 8 kB. */
  readonly body: string;
}

const maxBodyBytes = 8 * 1024;

/** Reads so much and lets go of the rest; an answer that breaks off is judged by what came. */
export async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= maxBodyBytes) break;
    }
  } catch {
    // Head and what came of the body are enough to judge by.
  }
  response.destroy();
  const headers = Object.entries(response.headers).map(([name, value]) => [name, [value].flat()[0] ?? '']);
  const body = Buffer.concat(chunks).subarray(0, maxBodyBytes).toString('utf8');
  return { status: response.statusCode ?? 0, headers: Object.fromEntries(headers), body };
}
