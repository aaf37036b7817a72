// A native connector in a process of its own, for tests that kill one. Reads what it needs as JSON from its first argument.
import { systemClock } from '../../src/clock.ts';
import { createNativeConnector } from '../../src/connector/native/connector.ts';
import { staticEdges } from '../../src/connector/native/edge-addresses.ts';
import { createSilentLogger } from '../../src/logger.ts';
import type { IngressRule } from '../../src/model.ts';
import { parseToken } from '../../src/protocol/credentials.ts';

interface Given {
  readonly token: string;
  readonly edge: string;
  readonly caPem: string;
  readonly rules: readonly IngressRule[];
}

const given = JSON.parse(process.argv[2] ?? '{}') as Given;
const connector = createNativeConnector({
  credentials: parseToken(given.token),
  edges: staticEdges([given.edge, given.edge]),
  caPem: given.caPem,
  haConnections: 2,
  rules: given.rules,
  logger: createSilentLogger(),
  clock: systemClock,
  version: 'interop',
});
process.once('SIGTERM', () => {
  connector.stop(20_000).then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
await connector.start(new AbortController().signal);
process.stdout.write('started\n');
