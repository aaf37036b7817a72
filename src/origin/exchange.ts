// One visitor's request as an origin sees it, whatever carried it here. Types only.
import type { Duplex, Readable } from 'node:stream';
import type { OriginError } from '../errors.ts';
import type { RawHeaders } from '../protocol/headers.ts';

/** What an exchange tells the origin that serves it. */
export interface ExchangeListener {
  /** The visitor takes data again after `write` returned false. */
  onDrain(): void;
  /** The exchange is over, finished or not: stop working for it. */
  onClose(): void;
}

/** A request, the way to answer it, and the visitor's pace. Every method may be called after the visitor left. */
export interface Exchange {
  readonly method: string;
  /** Path and query as the visitor sent them. */
  readonly path: string;
  /** The visitor's Host, port included. */
  readonly host: string;
  /** What to send to the origin, flat: no Host, no hop-by-hop headers but a websocket's. */
  readonly headers: readonly string[];
  /** The body's length, when the visitor said it. */
  readonly contentLength: number | undefined;
  /** Whether there is a body to read, of known length or not. */
  readonly hasBody: boolean;
  /** The visitor asks to speak websocket. */
  readonly wantsWebsocket: boolean;
  /** The visitor left or the answer is complete. */
  readonly closed: boolean;
  /** Receives what happens to the exchange; one at a time. */
  listener: ExchangeListener | undefined;
  /** The request body; an error in it means that the visitor left. Call once, and only when `hasBody`. */
  body(): Readable;
  /** Begins the answer. Throws an OriginError, nothing sent, when it cannot be carried. */
  respond(status: number, headers: RawHeaders, options?: RespondOptions): void;
  /** Sends a piece of the answer's body; false asks to wait for `onDrain`. */
  write(chunk: Uint8Array): boolean;
  /** Completes the answer. */
  end(trailers?: Readonly<Record<string, string | readonly string[] | undefined>>): void;
  /** Gives up: an empty 502 when nothing was sent yet, else a cut that cannot be taken for a complete answer. */
  fail(error: OriginError): void;
  /** Agrees to the websocket and hands over the raw bytes both ways. Throws like `respond`. */
  accept(headers: RawHeaders): Duplex;
}

/** How an answer is sent. */
export interface RespondOptions {
  /** Trailers may follow the body. */
  readonly trailers?: boolean;
}

/** Something that answers requests. Never throws: what goes wrong reaches `exchange.fail`. */
export interface Origin {
  serve(exchange: Exchange): void;
  /** No rule uses it any more: requests in flight finish, then its connections close. */
  retire(): void;
}
