// What the log and /ready say about the connections.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyLogLine,
  applyReadyCount,
  drainConnections,
  endConnections,
  startConnections,
} from '../../../src/connector/cloudflared/connection-log.ts';
import { parseLogLine } from '../../../src/connector/cloudflared/log-line.ts';
import type { EdgeConnectionInfo } from '../../../src/model.ts';

const now = new Date(1000);
const edges = ['127.0.0.1:17844', '[::1]:27844'];

/** The connections after these console lines, written without their time. */
function after(lines: readonly string[], count = 2): readonly EdgeConnectionInfo[] {
  return lines.reduce(
    (connections, line) => applyLogLine(connections, parseLogLine(`2026-11-21T20:46:30Z ${line}`), { now, edges }),
    startConnections(count, now),
  );
}

function states(connections: readonly EdgeConnectionInfo[]): string {
  return connections.map((connection) => connection.state).join(' ');
}

const registered = (index: number) =>
  `INF Registered tunnel connection connIndex=${index} event=0 ip=127.0.0.1 location=lcl01 protocol=http2`;
const lost = 'WRN Lost connection with the edge error="EOF" connIndex=0';

const cases = [
  { name: 'a process that starts is dialing', lines: [], states: 'dialing dialing' },
  { name: 'a registration connects one', lines: [registered(0)], states: 'connected dialing' },
  { name: 'a loss makes it back off', lines: [registered(0), lost], states: 'backing-off dialing' },
  {
    name: 'a connection comes back',
    lines: [registered(0), lost, 'INF Retrying connection in up to 2s connIndex=0', registered(0)],
    states: 'connected dialing',
  },
  {
    name: 'a failing request says nothing about its connection',
    lines: [registered(0), 'ERR Request failed error="dial tcp 127.0.0.1:1: refused" connIndex=0 type=http'],
    states: 'connected dialing',
  },
  {
    name: 'fewer addresses mean fewer connections',
    lines: ['INF You requested 4 HA connections but I can give you at most 2.'],
    count: 4,
    states: 'dialing dialing',
  },
  {
    name: 'a shutdown drains, and an end after it is no failure',
    lines: [
      registered(0),
      registered(1),
      'INF Initiating graceful shutdown due to signal terminated ...',
      'INF Unregistered tunnel connection connIndex=0 event=0 ip=127.0.0.1',
      'ERR Connection terminated connIndex=0',
    ],
    states: 'stopped draining',
  },
  {
    name: 'a connection nobody announced is believed',
    lines: [registered(3)],
    states: 'dialing dialing connected',
  },
  { name: 'an absurd index is not', lines: [registered(4000), registered(-1)], states: 'dialing dialing' },
];
for (const { name, lines, count, states: expected } of cases) {
  test(name, () => assert.equal(states(after(lines, count)), expected));
}

test('a registered connection says where it is, with the port of the matching edge', () => {
  assert.deepEqual(after([registered(0)])[0], {
    index: 0,
    state: 'connected',
    since: now,
    location: 'lcl01',
    edge: { host: '127.0.0.1', port: 17844, region: '', family: 4 },
  });
  const [, six] = after(['INF Registered tunnel connection connIndex=1 ip=::1 location=x']);
  assert.deepEqual(six?.edge, { host: '::1', port: 27844, region: '', family: 6 });
});

test('the reason of a failure is kept while retrying', () => {
  const [first] = after([registered(0), lost, 'INF Retrying connection in up to 2s connIndex=0']);
  assert.equal(first?.lastError, 'EOF');
});

test('a line about nothing gives the very same list', () => {
  const connections = startConnections(2, now);
  assert.equal(applyLogLine(connections, parseLogLine('hello'), { now, edges }), connections);
});

const counts = [
  { name: 'a count that agrees changes nothing', lines: [registered(0)], ready: 1, states: 'connected dialing' },
  { name: 'a count of none overrules the log', lines: [registered(0)], ready: 0, states: 'backing-off dialing' },
  { name: 'a higher count overrules the log', lines: [], ready: 2, states: 'connected connected' },
  {
    name: 'a lower one that is not none waits for the log',
    lines: [registered(0), registered(1)],
    ready: 1,
    states: 'connected connected',
  },
  { name: 'an impossible count does no harm', lines: [], ready: 99, states: 'connected connected' },
];
for (const { name, lines, ready, states: expected } of counts) {
  test(name, () => assert.equal(states(applyReadyCount(after(lines), ready, now)), expected));
}

test('ending by request stops everything, ending by itself says why', () => {
  const connections = drainConnections(after([registered(0)]), now);
  assert.equal(states(connections), 'draining dialing');
  assert.equal(states(endConnections(connections, now, undefined)), 'stopped stopped');
  const failed = endConnections(connections, now, 'it crashed');
  assert.deepEqual(
    failed.map(({ state, lastError }) => `${state}: ${lastError}`),
    ['backing-off: it crashed', 'backing-off: it crashed'],
  );
});
