// Every form of service and every originRequest key, on every connector: one rule per row, and what its visitor meets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import type { IngressRule, OriginRequest } from '../../src/model.ts';
import { greeting, type Inspection } from '../interop/origin.ts';
import { type Rig, startRig, until, zone } from '../interop/rig.ts';
import type { ConnectorContract, ConnectorTrial } from './connector.ts';
import { type Spoken, startTlsOrigins, type TlsOrigins } from './tls-origin.ts';

const never = new AbortController().signal;

/** Stands for the name the visitor used. */
const visited = 'visited';

/** What the origins' certificate is for. */
const innerName = 'inner.example';

/** Registers the suite. */
export function testServices(contract: ConnectorContract): void {
  describe(`${contract.name}: services and originRequest`, { timeout: 240_000 }, () => services(contract));
}

interface World {
  readonly rig: Rig;
  readonly tls: TlsOrigins;
  readonly trial: ConnectorTrial;
  /** Takes connections and never says a word. */
  readonly mute: { readonly port: number; readonly open: Set<Socket>; readonly server: Server };
  readonly directory: string;
}

type Kind = ConnectorContract['kind'];

/** A rule by what it leads to. */
interface Row {
  readonly name: string;
  readonly rule: (world: World) => Omit<IngressRule, 'hostname'>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The status, or what the origin says of how it was spoken to. */
  readonly expect: number | Partial<Spoken>;
  /** A release of cloudflared that does not know the key yet. */
  readonly unknownIn?: string;
  /** Where the native connector differs on purpose, and which decision says why. */
  readonly native?: { readonly expect: number | Partial<Spoken>; readonly decision: string };
}

const trusted: OriginRequest = { originServerName: innerName };

const httpRows: readonly Row[] = [
  { name: 'unix:', rule: ({ tls }) => ({ service: `unix:${tls.unix}` }), expect: { httpVersion: '1.1' } },
  {
    name: 'unix+tls: with noTLSVerify',
    rule: ({ tls }) => ({ service: `unix+tls:${tls.unixTls}`, originRequest: { noTLSVerify: true } }),
    expect: { httpVersion: '1.1' },
  },
  {
    name: 'unix+tls: with a certificate nobody signed',
    rule: ({ tls }) => ({ service: `unix+tls:${tls.unixTls}` }),
    expect: 502,
  },
  { name: 'a unix socket that is not there', rule: () => ({ service: 'unix:/nowhere/at-all.sock' }), expect: 502 },
  { name: 'ws:', rule: ({ rig }) => ({ service: rig.first.httpUrl.replace('http', 'ws') }), expect: 200 },
  {
    name: 'wss:',
    rule: ({ tls }) => ({ service: tls.url.replace('https', 'wss'), originRequest: { noTLSVerify: true } }),
    expect: { httpVersion: '1.1' },
  },
  { name: 'hello-world', rule: () => ({ service: 'hello-world' }), expect: 200 },
  { name: 'http_status', rule: () => ({ service: 'http_status:451' }), expect: 451 },
  { name: 'https: with a certificate nobody signed', rule: ({ tls }) => ({ service: tls.url }), expect: 502 },
  {
    name: 'noTLSVerify',
    rule: ({ tls }) => ({ service: tls.url, originRequest: { noTLSVerify: true } }),
    expect: { httpVersion: '1.1' },
  },
  {
    name: 'caPool and originServerName',
    rule: ({ tls }) => ({ service: tls.url, originRequest: { ...trusted, caPool: tls.caFile } }),
    expect: { servername: innerName },
  },
  {
    name: 'caPool without the name the certificate has',
    rule: ({ tls }) => ({ service: tls.url, originRequest: { caPool: tls.caFile } }),
    expect: 502,
  },
  {
    name: 'originServerName that the certificate does not have',
    rule: ({ tls }) => ({ service: tls.url, originRequest: { caPool: tls.caFile, originServerName: 'other.example' } }),
    expect: 502,
  },
  {
    name: 'http2Origin',
    rule: ({ tls }) => ({ service: tls.url, originRequest: { noTLSVerify: true, http2Origin: true } }),
    expect: { httpVersion: '2.0' },
  },
  {
    name: 'httpHostHeader',
    rule: ({ tls }) => ({ service: tls.url, originRequest: { httpHostHeader: 'told.example', noTLSVerify: true } }),
    expect: { host: 'told.example' },
  },
  {
    name: 'httpHostHeader over a unix socket',
    rule: ({ tls }) => ({ service: `unix:${tls.unix}`, originRequest: { httpHostHeader: 'told.example' } }),
    expect: { host: visited },
    native: { expect: { host: 'told.example' }, decision: '022' },
  },
  {
    name: 'matchSNItoHost',
    rule: ({ tls }) => ({ service: tls.url, originRequest: { caPool: tls.caFile, matchSNItoHost: true } }),
    expect: 200,
    unknownIn: '2023',
  },
  {
    name: 'tlsTimeout',
    rule: ({ mute }) => ({ service: `https://127.0.0.1:${mute.port}`, originRequest: { tlsTimeout: 1 } }),
    expect: 502,
  },
  {
    name: 'noHappyEyeballs, tcpKeepAlive and keepAliveTimeout',
    rule: ({ rig }) => ({
      service: rig.first.httpUrl,
      originRequest: { noHappyEyeballs: true, tcpKeepAlive: 5, keepAliveTimeout: 1, connectTimeout: 3 },
    }),
    expect: 200,
  },
  {
    name: 'access, without a token',
    rule: ({ rig }) => ({
      service: rig.first.httpUrl,
      originRequest: { access: { required: true, teamName: 'nobody', audTag: ['x'] } },
    }),
    expect: 403,
  },
  {
    name: 'access that is not required',
    rule: ({ rig }) => ({
      service: rig.first.httpUrl,
      originRequest: { access: { teamName: 'nobody', audTag: ['x'] } },
    }),
    expect: 200,
  },
  {
    name: 'bastion, asked by a browser',
    rule: () => ({ service: 'bastion' }),
    expect: 502,
    native: { expect: 426, decision: '022' },
  },
];

/** A session that a client opens. */
interface TcpRow {
  readonly name: string;
  readonly rule: (world: World) => Omit<IngressRule, 'hostname'>;
  readonly headers?: (world: World) => Readonly<Record<string, string>>;
  /** Says where to, and skips the answer, before the destination speaks. */
  readonly socks?: boolean;
  readonly reaches: boolean;
  readonly native?: { readonly reaches: boolean; readonly decision: string };
}

const loopback = [{ prefix: '127.0.0.0/8', allow: true }];
const elsewhere = [{ prefix: '10.0.0.0/8', allow: true }];
const jump = ({ rig }: World) => ({ 'cf-access-jump-destination': `127.0.0.1:${rig.first.tcpPort}` });

const tcpRows: readonly TcpRow[] = [
  ...['tcp', 'ssh', 'rdp', 'smb', 'other'].map((scheme) => ({
    name: `${scheme}:`,
    rule: ({ rig }: World) => ({ service: `${scheme}://127.0.0.1:${rig.first.tcpPort}` }),
    reaches: true,
  })),
  {
    name: 'bastion to this machine',
    rule: () => ({ service: 'bastion' }),
    headers: jump,
    reaches: true,
    native: { reaches: false, decision: '022' },
  },
  {
    name: 'bastion to this machine, with ipRules that allow it',
    rule: () => ({ service: 'bastion', originRequest: { ipRules: loopback } }),
    headers: jump,
    reaches: true,
  },
  {
    name: 'bastionMode',
    rule: () => ({ service: 'http://ignored', originRequest: { bastionMode: true, ipRules: loopback } }),
    headers: jump,
    reaches: true,
  },
  { name: 'bastion without a destination', rule: () => ({ service: 'bastion' }), reaches: false },
  {
    name: 'socks-proxy with ipRules that allow it',
    rule: () => ({ service: 'socks-proxy', originRequest: { ipRules: loopback } }),
    socks: true,
    reaches: true,
  },
  {
    name: 'socks-proxy with ipRules that do not',
    rule: () => ({ service: 'socks-proxy', originRequest: { ipRules: elsewhere } }),
    socks: true,
    reaches: false,
  },
  { name: 'socks-proxy without ipRules', rule: () => ({ service: 'socks-proxy' }), socks: true, reaches: false },
  {
    name: 'proxyType socks to this machine',
    rule: ({ rig }) => ({ service: `tcp://127.0.0.1:${rig.first.tcpPort}`, originRequest: { proxyType: 'socks' } }),
    socks: true,
    reaches: true,
    native: { reaches: false, decision: '022' },
  },
  {
    name: 'proxyType socks with ipRules that allow it',
    rule: ({ rig }) => ({
      service: `tcp://127.0.0.1:${rig.first.tcpPort}`,
      originRequest: { proxyType: 'socks', ipRules: loopback },
    }),
    socks: true,
    reaches: true,
  },
];

function services(contract: ConnectorContract): void {
  let world: World;
  before(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sallyport-services-'));
    const rig = await startRig();
    const tls = await startTlsOrigins(directory, [innerName, `*.${zone}`]);
    const mute = await startMute();
    const trial = contract.create(await rig.access(), rig);
    world = { rig, tls, trial, mute, directory };
    await trial.connector.start(never);
    const rules = [
      ...httpRows.map(({ rule }, at) => ({ ...rule(world), hostname: `h${at}.${zone}` })),
      {
        hostname: `unchunked.${zone}`,
        service: rig.first.httpUrl,
        originRequest: { disableChunkedEncoding: true },
      },
      ...tcpRows.map(({ rule }, at) => ({ ...rule(world), hostname: `t${at}.${zone}` })),
    ];
    await trial.connector.updateIngress([...rules, ...rig.rules]);
  });
  after(async () => {
    const { trial, mute, tls, rig, directory } = world;
    await trial.connector.stop(0);
    for (const socket of mute.open) socket.destroy();
    mute.server.close();
    await tls.close();
    await rig.close();
    await rm(directory, { recursive: true });
  });

  for (const [at, { name, headers = {}, unknownIn, native, ...both }] of httpRows.entries()) {
    const expect = contract.kind === 'native' && native !== undefined ? native.expect : both.expect;
    const skip = unknownIn !== undefined && contract.name.includes(`version ${unknownIn}.`);
    test(`${name}${differs(contract.kind, native)}`, { skip }, async () => {
      const answer = await world.rig.visit({ name: `h${at}`, headers });
      if (typeof expect === 'number') assert.equal(answer.status, expect);
      else {
        assert.equal(answer.status, 200);
        const spoken = JSON.parse(answer.text) as Spoken;
        const host = expect.host === visited ? `h${at}.${zone}` : (expect.host ?? spoken.host);
        assert.deepEqual({ ...spoken, ...expect, host }, spoken);
        if (spoken.host === 'told.example') assert.equal(spoken.forwardedHost, `h${at}.${zone}`);
      }
    });
  }

  test('a sized upload passes disableChunkedEncoding', async () => {
    const headers = { 'content-length': '5' };
    const answer = await world.rig.visit({
      name: 'unchunked',
      path: '/inspect',
      method: 'POST',
      headers,
      body: 'hello',
    });
    assert.equal((JSON.parse(answer.text) as Inspection).bodyBytes, 5);
  });

  test('an upload of unknown length survives disableChunkedEncoding only in the native connector (decision 022)', async () => {
    const headers = { 'transfer-encoding': 'chunked' };
    const answer = await world.rig.visit({
      name: 'unchunked',
      path: '/inspect',
      method: 'POST',
      headers,
      body: 'hello',
    });
    const arrived = answer.status === 200 ? (JSON.parse(answer.text) as Inspection) : undefined;
    if (contract.kind === 'cloudflared') assert.notEqual(arrived?.bodyBytes, 5);
    else assert.deepEqual([arrived?.bodyBytes, arrived?.headers['content-length']], [5, '5']);
  });

  for (const [at, row] of tcpRows.entries()) {
    const reaches = contract.kind === 'native' && row.native !== undefined ? row.native.reaches : row.reaches;
    test(`${row.name} ${reaches ? 'reaches' : 'does not reach'} its destination${differs(contract.kind, row.native)}`, async () => {
      assert.equal(await converse(world, `t${at}`, row), reaches ? greeting : '');
    });
  }
}

function differs(kind: Kind, native: { readonly decision: string } | undefined): string {
  return kind === 'native' && native !== undefined ? ` (unlike cloudflared: decision ${native.decision})` : '';
}

/** What the destination says first; nothing when it is not reached. */
async function converse({ rig, ...rest }: World, name: string, { headers, socks = false }: TcpRow): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${rig.edge.addresses.http?.port}/`, {
    headers: { host: `${name}.${zone}`, ...headers?.({ rig, ...rest }) },
    perMessageDeflate: false,
  });
  let received = Buffer.alloc(0);
  let isOver = false;
  socket.on('message', (data: Buffer) => {
    received = Buffer.concat([received, data]);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isOver = true;
  });
  socket.on('open', () => {
    const port = rig.first.tcpPort;
    if (socks) socket.send(Buffer.from([5, 1, 0]));
    if (socks) socket.send(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]));
  });
  // The answer to the greeting, and the reply: 10 bytes with an IPv4 address, 0 at its second place when granted.
  const skipped = socks ? 12 : 0;
  const isRefused = () => socks && received.length >= 4 && received[3] !== 0;
  await until('it spoke or ended', () => isOver || isRefused() || received.length >= skipped + greeting.length);
  socket.terminate();
  return isRefused() ? '' : received.subarray(skipped).toString();
}

async function startMute(): Promise<World['mute']> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    socket.resume();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, open, server };
}
