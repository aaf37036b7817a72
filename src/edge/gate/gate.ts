// The gate: every request for a host that an Access application guards passes here, or does not pass.
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import { headerBlock } from '../../protocol/headers.ts';
import { createSealer } from '../seal.ts';
import type { AccessStore } from '../store/access/access.ts';
import { isInZone } from '../store/names.ts';
import { answerProblem } from '../visitors/answer-problem.ts';
import type { ConnectorRequest } from '../visitors/connector-headers.ts';
import { hostnameOf } from '../visitors/router.ts';
import type { Visitor } from '../visitors/visitor.ts';
import { answerVisitor } from './answer.ts';
import { withoutGateCookies } from './cookies.ts';
import { type JudgeContext, type Judgement, judge } from './judge.ts';
import { openSigningKeys } from './keys.ts';
import { type GateRequest, gatePath, type LoginParts, loginPath, loginWays, serveGate } from './login.ts';
import { createOidcClient } from './oidc-flow.ts';
import { type GateAnswer, redirect, renderNotice, withHeaders } from './pages.ts';
import { createPasswordCheck } from './passwords.ts';
import { pathReadings } from './path-readings.ts';
import type { LoginSettings } from './people.ts';
import { guardsOf, placesOfHost } from './places.ts';
import {
  appHeaders,
  deniedAnswer,
  isForPerson,
  noLoginAnswer,
  unauthorizedAnswer,
  unavailableAnswer,
  unmatchedAnswer,
} from './refusals.ts';
import { secureUrl } from './secure-url.ts';
import { type GateApp, type GateSnapshot, readSnapshot } from './snapshot.ts';

/** What the gate is made of. */
export interface GateOptions {
  readonly access: AccessStore;
  /** Asked for every login and every session. */
  readonly login: () => LoginSettings;
  /** The port on which visitors have HTTPS; absent: they have none here. */
  readonly httpsPort?: () => number | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** One request on its way to a connector. */
export interface GatedRequest {
  readonly visitor: Visitor;
  readonly built: ConnectorRequest;
  readonly ray: string;
}

/** A running gate. */
export interface Gate {
  /** The request as it may go on, or undefined when the visitor has got, or will get, an answer from the gate. */
  admit(request: GatedRequest): ConnectorRequest | undefined;
  /** Forgets what is under way. */
  stop(): Promise<void>;
}

const renewEveryMs = 60_000;

/** A gate with keys; rejects with E_STATE when the store cannot be read. */
export async function createGate({ access, login, httpsPort, logger, clock }: GateOptions): Promise<Gate> {
  const keys = await openSigningKeys(access, clock);
  const stopped = new AbortController();
  const parts: LoginParts = {
    sealer: createSealer(),
    passwords: createPasswordCheck(clock),
    oidc: createOidcClient(stopped.signal),
    clock,
    logger,
  };
  const assertions: JudgeContext['assertions'] = new Map();
  const serving = new Set<Promise<void>>();
  const renewing = renewKeys();
  let cached: { readonly generation: number; readonly snapshot: GateSnapshot } | undefined;

  function snapshot(): GateSnapshot {
    const generation = access.generation();
    if (cached?.generation !== generation) cached = { generation, snapshot: readSnapshot(access) };
    return cached.snapshot;
  }

  async function renewKeys(): Promise<void> {
    while (!stopped.signal.aborted) {
      await clock.sleep(renewEveryMs, stopped.signal).catch(() => undefined);
      if (stopped.signal.aborted) return;
      await keys.renew().catch((error: unknown) => logger.error({ err: error }, 'signing keys could not be renewed'));
    }
  }

  function admit(request: GatedRequest): ConnectorRequest | undefined {
    const { visitor, built, ray } = request;
    const host = hostnameOf(built.authority) ?? '';
    try {
      const current = snapshot();
      const places = placesOfHost(current.places, host);
      if (places === undefined) return unguarded(request, host, current);
      const context: JudgeContext = {
        snapshot: current,
        login: login(),
        keys: keys.list(),
        now: clock.now(),
        assertions,
        verifyServiceToken: access.serviceTokens.verify,
      };
      const apps = [...new Set(places.map(({ app }) => app))];
      const seen = { ...context, visitor, host, ray, apps, authority: built.authority.toLowerCase() };
      if (visitor.request.path.startsWith(gatePath)) return serve(seen);
      const readings = pathReadings(visitor.request.path);
      if (readings === undefined) {
        answerProblem(visitor, 'bad-request', { ray, authority: built.authority });
        return undefined;
      }
      return pass(request, guardsOf(places, readings), seen);
    } catch (error) {
      // Whether it is guarded is not known, so it is.
      logger.error({ err: error, host, ray }, 'the gate could not decide');
      if (visitor.responded) visitor.abort();
      else answerVisitor(visitor, unavailableAnswer({ host, ray, visitor }), ray);
      return undefined;
    }
  }

  function unguarded(request: GatedRequest, host: string, { openZones }: GateSnapshot): ConnectorRequest | undefined {
    if (openZones === undefined || openZones.some((zone) => isInZone(host, zone))) return request.built;
    answerVisitor(request.visitor, unmatchedAnswer({ ...request, host }), request.ray);
    return undefined;
  }

  /** All of them have to agree; the first is the one the path names by the letter. */
  function pass(
    request: GatedRequest,
    guards: readonly GateApp[],
    seen: GateRequest & JudgeContext,
  ): ConnectorRequest | undefined {
    const judgements: Judgement[] = [];
    for (const app of guards) {
      const judgement = judge(request.visitor.request, app, seen);
      if (!judgement.isPassed) {
        logger.debug({ host: seen.host, application: app.name, policy: judgement.policy, ray: seen.ray }, 'not let in');
        answerVisitor(request.visitor, refusalOf(app, judgement, seen, httpsPort?.()), seen.ray);
        return undefined;
      }
      judgements.push(judgement);
    }
    const edited = { ...request.built, headers: editedHeaders(request.built.headers, judgements) };
    if (headerBlock(edited.headers).fits) return edited;
    answerProblem(request.visitor, 'headers-too-large', { ray: request.ray, authority: request.built.authority });
    return undefined;
  }

  function serve(request: GateRequest): undefined {
    const secure = asksWho.test(request.visitor.request.path) ? secureUrlOf(request, httpsPort?.()) : undefined;
    const served = (secure === undefined ? serveGate(request, parts) : Promise.resolve(redirect(303, secure)))
      .catch((error: unknown) => {
        logger.error({ err: error, host: request.host, ray: request.ray }, 'the gate could not serve its own page');
        const lines = ['Something went wrong here. Look at the log of the edge.'];
        return renderNotice(500, { title: 'Error', hostname: request.host, ray: request.ray, lines });
      })
      .then((answer) => respond(request, answer))
      .finally(() => serving.delete(served));
    serving.add(served);
    return undefined;
  }

  /** The visitor may have left meanwhile, which is nobody's fault. */
  function respond({ visitor, ray }: GateRequest, answer: GateAnswer): void {
    try {
      answerVisitor(visitor, answer, ray);
    } catch (error) {
      logger.debug({ err: error, ray }, 'an answer of the gate could not be sent');
      visitor.abort();
    }
  }

  return {
    admit,
    stop: async () => {
      stopped.abort();
      await Promise.all([renewing, ...serving]);
    },
  };
}

function refusalOf(
  app: GateApp,
  judgement: Extract<Judgement, { isPassed: false }>,
  seen: GateRequest & JudgeContext,
  httpsPort: number | undefined,
): GateAnswer {
  if (judgement.needs === 'nothing') return deniedAnswer(seen, app, judgement.email);
  const { providers, hasPasswords } = loginWays(app, seen);
  if (providers.length === 0 && !hasPasswords) return noLoginAnswer(seen, app);
  if (!isForPerson(seen)) return unauthorizedAnswer(seen, app);
  const secure = secureUrlOf(seen, httpsPort);
  if (secure !== undefined) return withHeaders(redirect(302, secure), appHeaders(app));
  const { method, path } = seen.visitor.request;
  const isRead = method === 'GET' || method === 'HEAD';
  return withHeaders(redirect(isRead ? 302 : 303, loginPath(seen.host, app, isRead ? path : '/')), appHeaders(app));
}

/** The gate's pages on which something secret is said. */
const asksWho = /^\/cdn-cgi\/access\/(?:login|sso)\b/;

function secureUrlOf({ visitor, authority }: GateRequest, httpsPort: number | undefined): string | undefined {
  const { scheme, address, path } = visitor.request;
  return secureUrl({ scheme, address, authority, path }, httpsPort);
}

/** What the origin gets: without the gate's cookies and spent tokens, with who it is. What a visitor sent under these names is gone already. */
function editedHeaders(headers: readonly string[], judgements: readonly Judgement[]): string[] {
  const spent = new Set(
    judgements.flatMap((one) => (one.isPassed && one.spentHeader !== undefined ? [one.spentHeader.toLowerCase()] : [])),
  );
  const kept = withoutGateCookies(headers).filter(
    (_, at, all) => spent.size === 0 || !spent.has((all[at - (at % 2)] ?? '').toLowerCase()),
  );
  const [first] = judgements;
  if (first?.isPassed !== true || first.assertion === undefined) return kept;
  const email = first.email === undefined ? [] : ['cf-access-authenticated-user-email', first.email];
  return [...kept, 'cf-access-jwt-assertion', first.assertion, ...email];
}
