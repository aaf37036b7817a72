// Last touches to a request's headers before an origin sees them. Pure, and on the path of every request.

/** Headers for the origin, and the body's length when the visitor said it. */
export interface RequestHead {
  readonly headers: readonly string[];
  readonly contentLength: number | undefined;
}

const warpTagId = 'cf-warp-tag-id';

/**
 * Finds Content-Length, joins the cookie pieces HTTP/2 may have split (RFC 9113 8.2.3: one line towards HTTP/1.1), and
 * names the connector in place of whatever a visitor claimed it to be. Changes and returns `headers`.
 */
export function readRequest(headers: string[], connectorId: string): RequestHead {
  let contentLength: number | undefined;
  let cookie = -1;
  let holes = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i];
    if (name === undefined) continue;
    if (name.length === 14) {
      if (name === 'content-length') contentLength = Number(headers[i + 1]);
      else if (name === warpTagId) holes = erase(headers, i);
    } else if (name === 'cookie') {
      if (cookie === -1) cookie = i;
      else {
        headers[cookie + 1] += `; ${headers[i + 1]}`;
        holes = erase(headers, i);
      }
    }
  }
  const kept = holes ? headers.filter((_, i) => headers[i - (i % 2)] !== '') : headers;
  kept.push('Cf-Warp-Tag-Id', connectorId);
  return { headers: kept, contentLength };
}

/** No header has an empty name. */
function erase(headers: string[], at: number): true {
  headers[at] = '';
  return true;
}
