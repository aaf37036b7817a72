// A visitor's request, whichever HTTP version it came by: what forward.ts reads from and answers to.
import type { Duplex, Readable, Writable } from 'node:stream';
import type { VisitorRequest } from './connector-headers.ts';

/** One request of one visitor. */
export interface Visitor {
  readonly request: VisitorRequest;
  /** The request body; only read when there is one. */
  readonly body: Readable;
  /** The whole request body has arrived. */
  readonly bodyComplete: boolean;
  /** The response body goes here, after `respond`. */
  readonly sink: Writable;
  /** The head has been sent: too late for an error page. */
  readonly responded: boolean;
  /** Sends the head, flat headers; throws when they cannot be sent. */
  respond(
    status: number,
    headers: string[],
    options: { readonly endStream: boolean; readonly trailers: boolean },
  ): void;
  /** Ends the body as complete. */
  finish(trailers?: readonly string[]): void;
  /** Ends the exchange so that the visitor can tell that the body is not whole. */
  abort(): void;
  /** Calls back once when the exchange is over: finished, or the visitor left before. */
  onClose(listener: () => void): void;
  /** Answers a websocket request with a switch of protocols; the raw bytes follow on the stream. */
  upgrade(headers: readonly string[]): Duplex;
}
