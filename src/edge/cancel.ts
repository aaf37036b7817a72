// Ending an HTTP/2 stream so that the peer can tell that it is not whole.
import { constants, type Http2Stream } from 'node:http2';

/**
 * Resets a stream. While our side is still open node:http2's own `close(code)` ends it in good order (END_STREAM, no
 * reset), and half a body would pass for a whole one; only `destroy` with an error resets.
 */
export function cancelStream(stream: Http2Stream): void {
  if (stream.destroyed || stream.closed) return;
  if (stream.writableEnded) stream.close(constants.NGHTTP2_CANCEL);
  else stream.destroy(new Error('cancelled'));
}
