// Tells a visitor why there is no answer from an origin.
import { type ProblemKind, renderProblem } from './pages.ts';
import { hostnameOf } from './router.ts';
import type { Visitor } from './visitor.ts';
import { headerValue } from './visitor-headers.ts';

/** What the page says the request was. */
export interface Identity {
  readonly ray: string;
  readonly authority: string | undefined;
}

/** Answers with the page for `kind`; the head must not have been sent. */
export function answerProblem(visitor: Visitor, kind: ProblemKind, identity: Identity): void {
  const accept = headerValue(visitor.request.rawHeaders, 'accept');
  const hostname = hostnameOf(identity.authority ?? '') ?? '';
  const page = renderProblem(kind, { hostname, ray: identity.ray, accept });
  const bodyless = visitor.request.method === 'HEAD';
  visitor.respond(page.status, page.headers, { endStream: bodyless, trailers: false });
  if (bodyless) return;
  visitor.sink.write(page.body);
  visitor.finish();
}
