// One application's judgement on one request: let through, with what the origin is told, or not, and why.
import type { VisitorRequest } from '../visitors/connector-headers.ts';
import { decide, type Verdict } from './decide.ts';
import type { GateVisitor } from './rules.ts';
import { tokenInHeader, tokenInHeaders } from './service-token.ts';
import { findSession, isYoungEnough, type Session, type SessionContext, serviceAssertion } from './sessions.ts';
import type { GateApp } from './snapshot.ts';

/** What judging needs besides the request. */
export interface JudgeContext extends SessionContext {
  /** The valid token of these two halves. */
  verifyServiceToken(
    clientId: string,
    clientSecret: string,
  ): { readonly id: string; readonly fields: { readonly clientId: string } } | undefined;
}

/** The outcome. */
export type Judgement =
  | {
      readonly isPassed: true;
      /** For `Cf-Access-Jwt-Assertion`. */
      readonly assertion?: string;
      readonly email?: string;
      /** A header that held a service token, which is no business of the origin. */
      readonly spentHeader?: string;
    }
  | {
      readonly isPassed: false;
      readonly needs: 'login' | 'nothing';
      readonly email?: string;
      readonly policy?: string;
    };

/** Judges. */
export function judge(request: VisitorRequest, app: GateApp, context: JudgeContext): Judgement {
  if (app.isPreflightOpen && isPreflight(request)) return { isPassed: true };
  const shown = shownToken(request, app);
  const token =
    shown === undefined ? undefined : context.verifyServiceToken(shown.token.clientId, shown.token.clientSecret);
  const session = findSession(request.rawHeaders, app, context);
  const visitor = { address: request.address, serviceToken: token?.id };
  const spent = shown?.header === undefined ? {} : { spentHeader: shown.header };
  const verdict = verdictFor(app, visitor, session, context);
  switch (verdict.kind) {
    case 'bypass':
      return { isPassed: true, ...spent };
    case 'service':
      return { isPassed: true, assertion: serviceAssertion(token?.fields.clientId ?? '', app, context), ...spent };
    case 'allow':
      return session === undefined
        ? { isPassed: false, needs: 'login' }
        : { isPassed: true, assertion: session.token, email: session.identity.email, ...spent };
    case 'login':
      return { isPassed: false, needs: 'login' };
    case 'deny': {
      const policy = verdict.policy === undefined ? {} : { policy: verdict.policy };
      const email = session === undefined ? {} : { email: session.identity.email };
      return { isPassed: false, needs: 'nothing', ...policy, ...email };
    }
  }
}

/** With the session if there is one; one that its policy finds too old is none. */
function verdictFor(
  app: GateApp,
  visitor: Pick<GateVisitor, 'address' | 'serviceToken'>,
  session: Session | undefined,
  context: JudgeContext,
): Verdict {
  const { groups } = context.snapshot;
  const verdict = decide(app.policies, { ...visitor, identity: session?.identity }, groups);
  if (verdict.kind !== 'allow' || session === undefined) return verdict;
  if (isYoungEnough(session, app, verdict.sessionMs, context)) return verdict;
  return decide(app.policies, { ...visitor, identity: undefined }, groups);
}

/** RFC 9110 has no name for it; the Fetch standard does: the browser asks before a page may ask. */
function isPreflight({ method, rawHeaders }: VisitorRequest): boolean {
  const names = new Set(rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));
  return method === 'OPTIONS' && names.has('origin') && names.has('access-control-request-method');
}

function shownToken({ rawHeaders }: VisitorRequest, { tokenHeader }: GateApp) {
  const usual = tokenInHeaders(rawHeaders);
  if (usual !== undefined) return { token: usual, header: undefined };
  const single = tokenHeader === undefined ? undefined : tokenInHeader(rawHeaders, tokenHeader);
  return single === undefined ? undefined : { token: single, header: tokenHeader };
}
