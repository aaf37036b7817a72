// The native connector on the suite a real cloudflared passes: with rules given directly, and with rules pushed by the edge.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/clock.ts';
import { createNativeConnector, type NativeConnector } from '../../src/connector/native/connector.ts';
import { staticEdges } from '../../src/connector/native/edge-addresses.ts';
import { createSilentLogger } from '../../src/logger.ts';
import { formatToken } from '../../src/protocol/credentials.ts';
import { testConnector, type VictimTrial } from '../contract/connector.ts';
import { type EdgeAccess, type Rig, until } from './rig.ts';

const program = fileURLToPath(new URL('./native-process.ts', import.meta.url));

testConnector({
  name: 'native',
  kind: 'native',
  updates: 1000,
  create(access, rig) {
    const connector = native(access, rig, 'refuse');
    return { connector, identity: () => connector.connectorId };
  },
  startVictim,
});

testConnector({
  name: 'native, rules pushed by the edge',
  kind: 'native',
  updates: 200,
  create(access, rig) {
    const connector = native(access, rig, 'apply');
    const pushed = Object.create(connector) as NativeConnector;
    pushed.updateIngress = async (rules) => {
      const { version } = connector.table;
      rig.push(rules);
      await until('the pushed rules are in the table', () => connector.table.version > version);
    };
    return { connector: pushed, identity: () => connector.connectorId };
  },
  startVictim,
});

function native(access: EdgeAccess, rig: Rig, onConfiguration: 'refuse' | 'apply'): NativeConnector {
  return createNativeConnector({
    credentials: access.credentials,
    edges: staticEdges([access.edge, access.edge]),
    caPem: access.caPem,
    haConnections: 2,
    rules: rig.rules,
    logger: createSilentLogger(),
    clock: systemClock,
    version: 'interop',
    onConfiguration,
  });
}

async function startVictim({ credentials, edge, caPem }: EdgeAccess, rig: Rig): Promise<VictimTrial> {
  const given = JSON.stringify({ token: formatToken(credentials), edge, caPem, rules: rig.rules });
  const child = spawn(process.execPath, [program, given], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  return {
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
