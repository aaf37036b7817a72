// The node:http2 settings both ends of a tunnel connection use.
import type { Http2Session, ServerOptions } from 'node:http2';

/** One stream's receive window: throughput of a stream is at most window / round trip. */
export const streamWindow = 4 * 1024 * 1024;

/** The connection's receive window, shared by its streams. */
export const connectionWindow = 16 * 1024 * 1024;

/**
 * The longest header value the peer's HPACK decoder takes. nghttp2 ends the whole session on a longer one
 * (NGHTTP2_HD_MAX_NV), and with it every request of the tunnel.
 */
export const maxHeaderValue = 64 * 1024;

/**
 * The largest sum of name and value lengths (plus 32 per header, as RFC 9113 6.5.2 counts) we send in one block.
 * nghttp2 ends the session after eight CONTINUATION frames of 16 KiB; blocks up to this size always fit.
 */
export const maxHeaderBlock = 128 * 1024;

/** Options for `http2.connect` at the edge and `http2.performServerHandshake` at the connector. */
export const sessionOptions = {
  settings: {
    enablePush: false,
    initialWindowSize: streamWindow,
    // What we accept; a little above what we send, so that the receiver is never the stricter end.
    maxHeaderListSize: 2 * maxHeaderBlock,
    // A tunnel carries many slow streams (websockets, event streams); the edge limits visitors, not this.
    maxConcurrentStreams: 100_000,
  },
  // A safety net just above what headerBlock() lets through: Node 26 has been seen to abort the process when a session
  // dies while a block of half a megabyte is being sent.
  maxSendHeaderBlockLength: maxHeaderBlock + 32 * 1024,
  maxHeaderListPairs: 1_000,
  // MB. Node's default of 10 refuses new streams as soon as three windows of 4 MiB are full.
  maxSessionMemory: 256,
  // Visitors who leave become resets on one session: Node's defaults (a burst of 1,000, then 33 a second) would end
  // the tunnel of every visitor because some of them are impatient.
  streamResetBurst: 100_000,
  streamResetRate: 10_000,
} as const satisfies ServerOptions;

/** Raises the connection's receive window, which the settings cannot. */
export function raiseWindow(session: Http2Session): void {
  // Without a native handle, before its socket is connected and after it is destroyed, a session throws.
  if (session.connecting) session.once('connect', () => raiseWindow(session));
  else if (!session.destroyed) session.setLocalWindowSize(connectionWindow);
}
