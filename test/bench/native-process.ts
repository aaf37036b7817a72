// The native connector in a process of its own, so that its CPU time can be told from everybody else's.
import { systemClock } from '../../src/clock.ts';
import { createNativeConnector } from '../../src/connector/native/connector.ts';
import { staticEdges } from '../../src/connector/native/edge-addresses.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressRule } from '../../src/model.ts';
import { parseToken } from '../../src/protocol/credentials.ts';
import { answerParent } from './child.ts';

/** What it is started with. */
export interface NativeOrder {
  readonly token: string;
  readonly edge: string;
  readonly caPem: string;
  readonly connections: number;
  readonly rules: readonly IngressRule[];
}

answerParent<NativeOrder, boolean>(async ({ token, edge, caPem, connections, rules }) => {
  const connector = createNativeConnector({
    credentials: parseToken(token),
    edges: staticEdges(Array.from({ length: connections }, () => edge)),
    caPem,
    haConnections: connections,
    rules,
    logger: createSilentLogger(),
    clock: systemClock,
    version: 'bench',
  });
  await connector.start(new AbortController().signal);
  return true;
});
