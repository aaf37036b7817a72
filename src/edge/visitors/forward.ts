// A visitor's request: built for the connector, routed by its name, and handed to an exchange, or refused.

import type { Gate } from '../gate/gate.ts';
import type { EdgeDirectory } from '../model.ts';
import { nextRay } from '../ray.ts';
import { answerProblem } from './answer-problem.ts';
import { connectorRequest } from './connector-headers.ts';
import { Exchange, type ExchangeContext } from './exchange.ts';
import { routeRequest } from './router.ts';
import type { Visitor } from './visitor.ts';

/** What forwarding needs. */
export interface ForwardContext extends ExchangeContext {
  readonly directory: Pick<EdgeDirectory, 'route' | 'tunnel'>;
  /** Decides who may come in; without one nothing is guarded. */
  readonly gate: Pick<Gate, 'admit'> | undefined;
}

/** Serves one request; whatever happens is told to the visitor, nothing is thrown. */
export function forward(visitor: Visitor, context: ForwardContext): void {
  const ray = nextRay();
  const built = connectorRequest(visitor.request, ray);
  if ('problem' in built) {
    answerProblem(visitor, built.problem, { ray, authority: visitor.request.authority });
    return;
  }
  const routing = routeRequest(built.authority, context.directory);
  const identity = { ray, authority: built.authority };
  if ('problem' in routing) {
    answerProblem(visitor, routing.problem, identity);
    return;
  }
  const admitted = context.gate === undefined ? built : context.gate.admit({ visitor, built, ray });
  if (admitted === undefined) return;
  if ((built.contentLength ?? 0) > context.maxBodyBytes) answerProblem(visitor, 'too-large', identity);
  else new Exchange(visitor, { built: admitted, tunnelId: routing.tunnelId, ray, context }).start();
}
