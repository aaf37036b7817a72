// Connections to an engine on another machine through the user's own ssh, as docker's client makes them. I/O only.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Agent, type ClientRequestArgs } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Endpoint } from './docker-endpoint.ts';

type SshEndpoint = Extract<Endpoint, { readonly kind: 'ssh' }>;

/** Kept between looks: setting one up takes a login. */
const idleMs = 60_000;
const maxErrorBytes = 2_000;

/**
 * An agent whose connections are `ssh … docker system dial-stdio` on that machine. Nobody is there to type: ssh uses the keys,
 * agent, configuration and known hosts of the user we run as, and fails when those do not suffice.
 */
export function createSshAgent(endpoint: SshEndpoint, program = 'ssh'): Agent {
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: idleMs, maxFreeSockets: 1, timeout: idleMs });
  agent.createConnection = (_options: ClientRequestArgs) => dial(endpoint, program);
  return agent;
}

function dial({ host, user, port }: SshEndpoint, program: string): Duplex {
  const args = [
    ...['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=8', '-o', 'ServerAliveInterval=15', '-T'],
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...['--', host, 'docker', 'system', 'dial-stdio'],
  ];
  return pipeOf(spawn(program, args, { stdio: 'pipe' }));
}

/** The process's input and output as one stream, which ends it; what it says on stderr is why it failed. */
function pipeOf(child: ChildProcessWithoutNullStreams): Duplex {
  const { stdin, stdout, stderr } = child;
  let said = '';
  const pipe = new Duplex({
    read: () => void stdout.resume(),
    write: (chunk: Buffer, _encoding, done) => void stdin.write(chunk, done),
    final: (done) => void stdin.end(done),
    destroy: (error, done) => {
      child.kill();
      done(error);
    },
  });
  stderr.on('data', (chunk: Buffer) => {
    if (said.length < maxErrorBytes) said += chunk.toString('utf8');
  });
  stdout.on('data', (chunk: Buffer) => {
    if (!pipe.push(chunk)) stdout.pause();
  });
  stdin.on('error', () => undefined);
  child.once('error', (error) => pipe.destroy(error));
  // After its streams have closed: what it said is all there.
  child.once('close', (status) => {
    if (status === 0 || status === null) pipe.push(null);
    else pipe.destroy(new SshError(status, said.trim().split('\n').at(-1) ?? ''));
  });
  return asSocket(pipe, [child, ...[stdin, stdout, stderr].filter((stream) => stream instanceof Socket)]);
}

/** What ssh, or docker on the other side, said before it ended. */
export class SshError extends Error {
  readonly code = 'ESSH';

  constructor(status: number, said: string) {
    super(said === '' ? `ssh ended with ${status}` : said.slice(0, 300));
  }
}

/** What node:http asks of a socket besides its bytes. One that is kept for later must not keep the program alive. */
function asSocket(pipe: Duplex, held: readonly { ref(): unknown; unref(): unknown }[]): Duplex {
  const nothing = () => pipe;
  const ref = () => {
    for (const one of held) one.ref();
    return pipe;
  };
  const unref = () => {
    for (const one of held) one.unref();
    return pipe;
  };
  return Object.assign(pipe, { setTimeout: nothing, setNoDelay: nothing, setKeepAlive: nothing, ref, unref });
}
