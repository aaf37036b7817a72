// A jump host: each client names where it wants to go in a header, and may go where the rule's policy lets it.
import type { Clock } from '../clock.ts';
import { OriginError } from '../errors.ts';
import { bastionDestination, jumpDestinationHeader, splitDestination } from '../ingress/bastion.ts';
import type { IpPolicy } from '../ingress/ip-rules.ts';
import { type Destination, findDestination } from './destination.ts';
import type { DialTarget } from './dial.ts';
import { createDialler } from './dialler.ts';
import type { Exchange, Origin } from './exchange.ts';
import { explainTcp, joinTcp, websocketFailed } from './tcp.ts';

/** What origins need whose clients choose the destination. */
export interface ChosenOriginOptions {
  readonly policy: IpPolicy;
  /** How to dial there. */
  dialTo(destination: Destination): DialTarget;
  readonly clock: Clock;
}

/** The origin of a bastion rule. */
export function createBastionOrigin({ policy, dialTo, clock }: ChosenOriginOptions): Origin {
  const dialler = createDialler();

  async function jump(exchange: Exchange): Promise<void> {
    try {
      const destination = await findDestination(namedBy(exchange.headers), policy);
      if (!exchange.closed) joinTcp(exchange, dialTo(destination), dialler, clock);
    } catch (error) {
      exchange.fail(websocketFailed(error));
    }
  }
  return {
    serve(exchange) {
      if (exchange.wantsWebsocket) void jump(exchange);
      else explainTcp(exchange);
    },
    retire: () => dialler.retire(),
  };
}

function namedBy(headers: readonly string[]): Destination {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === jumpDestinationHeader);
  const named = splitDestination(bastionDestination(at === -1 ? undefined : headers[at + 1]));
  if (named !== undefined) return named;
  throw new OriginError({
    code: 'E_ORIGIN_FAILED',
    message: 'the client named no destination',
    hint: `a bastion is used with access tcp --destination host:port, which sends ${jumpDestinationHeader}`,
  });
}
