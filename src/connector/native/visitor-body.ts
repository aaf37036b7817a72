// A visitor's request body as a Readable of its own: whoever reads it may destroy it without harming the answer.
import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';

/** Reads `stream` at its consumer's pace; an upload the visitor breaks off is an error, never a short body. */
export class VisitorBody extends Readable {
  private readonly stream: ServerHttp2Stream;
  private expectsContinue: boolean;
  private complete = false;
  private readonly onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.stream.pause();
  };
  private readonly onEnd = (): void => {
    // A reset without an error code looks like an end to node:http2.
    if (this.stream.aborted) {
      this.destroy(new Error('the visitor broke off the upload'));
      return;
    }
    this.complete = true;
    this.push(null);
  };
  private readonly onClose = (): void => {
    if (!this.complete) this.destroy(new Error('the visitor broke off the upload'));
  };

  constructor(stream: ServerHttp2Stream, expectsContinue: boolean) {
    super({ highWaterMark: 64 * 1024 });
    this.stream = stream;
    this.expectsContinue = expectsContinue;
    stream.on('data', this.onData);
    stream.on('end', this.onEnd);
    stream.on('close', this.onClose);
    stream.pause();
  }

  override _read(): void {
    if (this.expectsContinue) {
      this.expectsContinue = false;
      if (!this.stream.headersSent && !this.stream.closed) this.stream.additionalHeaders({ ':status': 100 });
    }
    this.stream.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Left paused: an upload nobody wants any more must not flow in.
    this.stream.pause();
    this.stream.removeListener('data', this.onData);
    this.stream.removeListener('end', this.onEnd);
    this.stream.removeListener('close', this.onClose);
    callback(error);
  }
}
