// Counts complete HTTP/1.1 answers in a stream of bytes, as cheaply as can be: the load must cost less than what it measures. Pure.

/** One complete answer. */
export interface SeenAnswer {
  readonly status: number;
  readonly bodyBytes: number;
  /** The server will close the connection after it. */
  readonly isLast: boolean;
}

const maxHead = 65_536;
const crlf = Buffer.from('\r\n');
const headEnd = Buffer.from('\r\n\r\n');

type State = 'head' | 'body' | 'size' | 'chunk' | 'trailer';

/** Reads the answers of one connection; `push` throws for what is not HTTP/1.1. */
export class ResponseReader {
  #state: State = 'head';
  #kept: Buffer = Buffer.alloc(0);
  #left = 0;
  #status = 0;
  #bodyBytes = 0;
  #isLast = false;

  /** Takes the next bytes; gives the answers they complete. */
  push(chunk: Buffer): SeenAnswer[] {
    const answers: SeenAnswer[] = [];
    let bytes = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    for (;;) {
      const used = this.#step(bytes, answers);
      if (used === undefined) break;
      bytes = bytes.subarray(used);
    }
    if (bytes.length > maxHead) throw new Error('a line of the answer is too long');
    this.#kept = bytes;
    return answers;
  }

  /** How many bytes the present state could use; undefined when it needs more. */
  #step(bytes: Buffer, answers: SeenAnswer[]): number | undefined {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes, answers);
      case 'size':
        return this.#readSize(bytes);
      case 'trailer':
        return this.#readTrailer(bytes, answers);
      case 'body':
      case 'chunk':
        return this.#skip(bytes, answers);
    }
  }

  #readHead(bytes: Buffer, answers: SeenAnswer[]): number | undefined {
    const end = bytes.indexOf(headEnd);
    if (end === -1) return undefined;
    const head = bytes.toString('latin1', 0, end).toLowerCase();
    const status = /^http\/1\.1 (\d{3})/.exec(head)?.[1];
    if (status === undefined) throw new Error('not an HTTP/1.1 answer');
    this.#status = Number(status);
    this.#bodyBytes = 0;
    this.#isLast = head.includes('\r\nconnection: close');
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    if (length === undefined && head.includes('\r\ntransfer-encoding: chunked')) this.#state = 'size';
    else if (length === undefined && this.#status !== 204 && this.#status !== 304)
      throw new Error('an answer without a length');
    else {
      this.#left = Number(length ?? 0);
      this.#state = 'body';
      if (this.#left === 0) this.#finish(answers);
    }
    return end + headEnd.length;
  }

  #readSize(bytes: Buffer): number | undefined {
    const end = bytes.indexOf(crlf);
    if (end === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', 0, end), 16);
    if (Number.isNaN(size)) throw new Error('not a chunk size');
    this.#bodyBytes += size;
    // The line end after the data belongs to the chunk.
    this.#left = size + crlf.length;
    this.#state = size === 0 ? 'trailer' : 'chunk';
    return end + crlf.length;
  }

  #readTrailer(bytes: Buffer, answers: SeenAnswer[]): number | undefined {
    const end = bytes.indexOf(crlf);
    if (end === -1) return undefined;
    if (end === 0) this.#finish(answers);
    return end + crlf.length;
  }

  #skip(bytes: Buffer, answers: SeenAnswer[]): number | undefined {
    if (bytes.length === 0) return undefined;
    const used = Math.min(this.#left, bytes.length);
    this.#left -= used;
    if (this.#state === 'body') this.#bodyBytes += used;
    if (this.#left === 0 && this.#state === 'chunk') this.#state = 'size';
    else if (this.#left === 0) this.#finish(answers);
    return used;
  }

  #finish(answers: SeenAnswer[]): void {
    answers.push({ status: this.#status, bodyBytes: this.#bodyBytes, isLast: this.#isLast });
    this.#state = 'head';
  }
}
