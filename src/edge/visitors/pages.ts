// What a visitor sees when there is no answer from an origin: one small page, or the same as JSON. Pure.

/** Everything that can go wrong before an origin answers. */
export type ProblemKind =
  | 'bad-request'
  | 'reserved-host'
  | 'upload-stalled'
  | 'too-large'
  | 'path-too-long'
  | 'headers-too-large'
  | 'no-record'
  | 'no-tunnel'
  | 'no-connector'
  | 'origin-down'
  | 'connection-lost'
  | 'bad-answer'
  | 'loop'
  | 'timeout';

interface Problem {
  readonly status: number;
  /** Cloudflare's number, where it has one. */
  readonly code?: number;
  readonly title: string;
  readonly what: string;
  readonly mend: string;
  readonly retryable: boolean;
}

const again = 'Try again in a moment.';

const problems: Readonly<Record<ProblemKind, Problem>> = {
  'bad-request': {
    status: 400,
    title: 'Bad request',
    what: 'The request could not be understood.',
    mend: 'Check the address and the headers that were sent.',
    retryable: false,
  },
  'reserved-host': {
    status: 403,
    title: 'Reserved name',
    what: 'This name belongs to the connector itself and is not served to visitors.',
    mend: 'Use the name of a published service.',
    retryable: false,
  },
  'upload-stalled': {
    status: 408,
    title: 'Request timeout',
    what: 'The rest of the request did not arrive in time.',
    mend: again,
    retryable: true,
  },
  'too-large': {
    status: 413,
    title: 'Payload too large',
    what: 'The request body is larger than this edge accepts.',
    mend: 'Send it in smaller parts, or raise the limit.',
    retryable: false,
  },
  'path-too-long': {
    status: 414,
    title: 'Address too long',
    what: 'The path and query are longer than this edge accepts.',
    mend: 'Send the data in the body instead.',
    retryable: false,
  },
  'headers-too-large': {
    status: 431,
    title: 'Request headers too large',
    what: 'The request headers are larger than a tunnel can carry.',
    mend: 'Clear the cookies of this site and try again.',
    retryable: false,
  },
  'no-record': {
    status: 530,
    code: 1016,
    title: 'Origin DNS error',
    what: 'There is no record for this name.',
    mend: 'Check the spelling, or publish a service under this name.',
    retryable: false,
  },
  'no-tunnel': {
    status: 530,
    code: 1016,
    title: 'Origin DNS error',
    what: 'The record of this name points at a tunnel that does not exist.',
    mend: 'Create the tunnel again, or delete the record.',
    retryable: false,
  },
  'no-connector': {
    status: 530,
    code: 1033,
    title: 'Cloudflare Tunnel error',
    what: 'The tunnel of this name has no connector at the moment.',
    mend: 'Start the connector, and look at its log if it runs.',
    retryable: true,
  },
  'origin-down': {
    status: 502,
    title: 'Bad gateway',
    what: 'The connector could not reach the service behind this name.',
    mend: 'Check that the service runs and listens where the rule says.',
    retryable: true,
  },
  'connection-lost': {
    status: 502,
    title: 'Bad gateway',
    what: 'The connection to the connector was lost before the service answered.',
    mend: again,
    retryable: true,
  },
  'bad-answer': {
    status: 502,
    title: 'Bad gateway',
    what: 'The answer from the connector could not be understood.',
    mend: 'Look at the log of the connector and of the service.',
    retryable: true,
  },
  loop: {
    status: 508,
    title: 'Loop detected',
    what: 'This request has come through this edge too often.',
    mend: 'A service sends requests back to its own public name: give it a local address instead.',
    retryable: false,
  },
  timeout: {
    status: 524,
    title: 'A timeout occurred',
    what: 'The service did not answer in time.',
    mend: 'It may be overloaded: look at its log.',
    retryable: true,
  },
};

/** What the page needs to know of the request. */
export interface ProblemContext {
  readonly hostname: string;
  readonly ray: string;
  /** The visitor's Accept header. */
  readonly accept: string | undefined;
}

/** A whole answer. */
export interface ProblemPage {
  readonly status: number;
  /** Flat: name, value, name, value … */
  readonly headers: string[];
  readonly body: Buffer;
}

/** Renders a problem as JSON when the visitor asked for that before HTML, else as a page. */
export function renderProblem(kind: ProblemKind, context: ProblemContext): ProblemPage {
  const problem = problems[kind];
  const json = wantsJson(context.accept);
  const body = Buffer.from(json ? renderJson(problem, context) : renderHtml(problem, context));
  const type = json ? 'application/json; charset=utf-8' : 'text/html; charset=utf-8';
  const headers = ['content-type', type, 'content-length', String(body.length)];
  headers.push('cache-control', 'private, no-store', 'x-content-type-options', 'nosniff', 'cf-ray', context.ray);
  headers.push('server', 'sallyport', 'referrer-policy', 'same-origin');
  if (!json) headers.push('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
  return { status: problem.status, headers, body };
}

function wantsJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const json = accept.search(/application\/(problem\+)?json/i);
  const html = accept.search(/text\/html/i);
  return json !== -1 && (html === -1 || json < html);
}

/** Field names as in Cloudflare's JSON form of its error pages. */
function renderJson(problem: Problem, context: ProblemContext): string {
  return `${JSON.stringify({
    title: heading(problem),
    status: problem.status,
    ...(problem.code === undefined ? {} : { error_code: problem.code }),
    detail: problem.what,
    what_you_should_do: problem.mend,
    retryable: problem.retryable,
    instance: context.hostname,
    ray_id: context.ray,
  })}\n`;
}

function heading(problem: Problem): string {
  return problem.code === undefined ? problem.title : `Error ${problem.code}: ${problem.title}`;
}

const style =
  ':root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem}' +
  'h1{font-size:1.5rem;margin:0 0 .25rem}p{margin:.5rem 0}.s{font-size:3rem;font-weight:700;opacity:.35;line-height:1}' +
  'footer{margin-top:2rem;padding-top:.75rem;border-top:1px solid #8884;font-size:.8rem;opacity:.7;overflow-wrap:anywhere}';

function renderHtml(problem: Problem, context: ProblemContext): string {
  const title = escapeHtml(heading(problem));
  // "error code: 1033" is what scripts that know Cloudflare's pages look for.
  const code = problem.code === undefined ? '' : ` &middot; error code: ${problem.code}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><title>${escapeHtml(context.hostname)} | ${title}</title><style>${style}</style></head>
<body><p class="s">${problem.status}</p><h1>${title}</h1>
<p>${escapeHtml(problem.what)}</p><p>${escapeHtml(problem.mend)}</p>
<footer>${escapeHtml(context.hostname)} &middot; ray ${escapeHtml(context.ray)}${code} &middot; sallyport</footer></body></html>
`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
