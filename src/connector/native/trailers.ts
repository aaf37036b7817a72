// Which of an origin's trailers can be sent: anything node:http2 would refuse must not end the stream or the session. Pure.
import { headerKind, isHeaderName, isHeaderValue } from '../../protocol/header-kinds.ts';
import { maxHeaderValue } from '../../protocol/http2.ts';

/** The trailers that may travel, in lower case; none when they are too large together. */
export function sendableTrailers(
  trailers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Record<string, string | string[]> {
  const sendable: Record<string, string | string[]> = {};
  let size = 0;
  for (const [name, value] of Object.entries(trailers)) {
    if (value === undefined) continue;
    const values = typeof value === 'string' ? [value] : [...value];
    const lower = name.toLowerCase();
    if (!isHeaderName(lower) || headerKind(lower) !== 'end-to-end' || !values.every(isHeaderValue)) continue;
    size += values.reduce((sum, each) => sum + each.length + lower.length + 32, 0);
    sendable[lower] = values;
  }
  return size <= maxHeaderValue ? sendable : {};
}
