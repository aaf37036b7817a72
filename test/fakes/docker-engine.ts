// A Docker engine's API on a real unix socket, with containers a test can start, stop and take away.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A container as a test describes it; the rest is made up. */
export interface FakeContainer {
  readonly name: string;
  readonly image?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Labels of its image, which the engine puts on the container too. */
  readonly imageLabels?: Readonly<Record<string, string>>;
  /** Default `running`. */
  readonly state?: string;
  readonly status?: string;
  /** IP address by network name; default one address in `bridge`. */
  readonly networks?: Readonly<Record<string, string>>;
  readonly networkMode?: string;
  /** Entries of the list's `Ports`. */
  readonly ports?: readonly FakePort[];
  /** What inspecting shows as `Config.ExposedPorts`. */
  readonly exposed?: readonly string[];
  /** What inspecting shows as `Config.Env`. */
  readonly env?: readonly string[];
  readonly id?: string;
  readonly created?: number;
}

/** A port as the list shows it. */
export interface FakePort {
  readonly port: number;
  readonly type?: string;
  readonly ip?: string;
  readonly publicPort?: number;
}

/** The engine in a test's hands. */
export interface FakeDockerEngine {
  readonly endpoint: string;
  /** Paths asked for so far, without `/events`. */
  readonly calls: readonly string[];
  /** Queries of the event streams opened so far. */
  readonly streams: readonly URLSearchParams[];
  /** Adds or replaces a container; returns its id. */
  put(container: FakeContainer): string;
  remove(name: string): void;
  /** Sends an event to everyone who watches; `cut` splits its bytes there. */
  emit(type: string, action: string, name: string, options?: { readonly cut?: number; readonly time?: number }): void;
  /** Sends bytes as they are. */
  emitRaw(bytes: string | Uint8Array): void;
  /** Answers as another engine does from now on. */
  speak(dialect: 'docker' | 'podman'): void;
  /** Breaks every open connection. */
  drop(): void;
  /** Answers the next list with this instead; `hang` never ends the body. */
  answerOnce(answer: {
    readonly status?: number;
    readonly body: string;
    readonly hang?: boolean;
    readonly cutOff?: boolean;
  }): void;
  /** Resolves once so many event streams have been opened in all. */
  watched(count: number): Promise<void>;
  /** Stops listening and breaks every connection; `start` brings it back on the same socket. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops and removes the socket's folder. */
  close(): Promise<void>;
}

/** Networks' drivers by name; everything else is a bridge. */
export type FakeDrivers = Readonly<Record<string, string>>;

/** An engine listening on a socket of its own. */
export async function startFakeDockerEngine(drivers: FakeDrivers = {}): Promise<FakeDockerEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'fake-docker-'));
  const engine = new Engine(join(folder, 'docker.sock'), folder, drivers);
  await engine.start();
  return engine;
}

class Engine implements FakeDockerEngine {
  readonly endpoint: string;
  readonly calls: string[] = [];
  readonly streams: URLSearchParams[] = [];
  readonly #path: string;
  readonly #folder: string;
  readonly #drivers: FakeDrivers;
  readonly #containers = new Map<string, FakeContainer & { readonly id: string }>();
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<ServerResponse>();
  #server: Server | undefined;
  #nextAnswer: Parameters<FakeDockerEngine['answerOnce']>[0] | undefined;
  #number = 0;
  #dialect: 'docker' | 'podman' = 'docker';
  #opened = Promise.withResolvers<void>();

  constructor(path: string, folder: string, drivers: FakeDrivers) {
    this.#path = path;
    this.#folder = folder;
    this.#drivers = drivers;
    this.endpoint = `unix://${path}`;
  }

  put(container: FakeContainer): string {
    const id = container.id ?? (this.#containers.get(container.name)?.id || this.#newId());
    this.#containers.set(container.name, { ...container, id });
    return id;
  }

  remove(name: string): void {
    this.#containers.delete(name);
  }

  emit(type: string, action: string, name: string, options: { cut?: number; time?: number } = {}): void {
    const time = options.time ?? 1_700_000_000;
    const event = { Type: type, Action: action, Actor: { ID: 'x', Attributes: { name } }, time, timeNano: time * 1e9 };
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    const cut = options.cut ?? line.length;
    this.emitRaw(line.subarray(0, cut));
    if (cut < line.length) setImmediate(() => this.emitRaw(line.subarray(cut)));
  }

  emitRaw(bytes: string | Uint8Array): void {
    for (const watcher of this.#watchers) watcher.write(bytes);
  }

  speak(dialect: 'docker' | 'podman'): void {
    this.#dialect = dialect;
  }

  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  answerOnce(answer: Parameters<FakeDockerEngine['answerOnce']>[0]): void {
    this.#nextAnswer = answer;
  }

  async watched(count: number): Promise<void> {
    while (this.streams.length < count) await this.#opened.promise;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#path);
    await once(server, 'listening');
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    this.drop();
    await closed;
    await rm(this.#path, { force: true });
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #newId(): string {
    this.#number++;
    return this.#number.toString(16).padStart(64, 'a');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://engine');
    if (url.pathname === '/events') {
      this.#follow(url, response);
      return;
    }
    this.calls.push(`${url.pathname}${url.search}`);
    const planned = this.#nextAnswer;
    if (planned !== undefined && url.pathname === '/containers/json') {
      this.#nextAnswer = undefined;
      response.writeHead(planned.status ?? 200);
      response.write(planned.body, () => planned.cutOff === true && response.destroy());
      if (planned.hang !== true && planned.cutOff !== true) response.end();
      return;
    }
    const body = this.#body(url.pathname, url.searchParams.get('all') === '1');
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? { message: 'No such container' }));
  }

  #follow(url: URL, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
    this.streams.push(url.searchParams);
    this.#opened.resolve();
    this.#opened = Promise.withResolvers<void>();
  }

  #body(path: string, all: boolean): unknown {
    const containers = [...this.#containers.values()].filter((one) => all || isUp(one));
    if (path === '/containers/json') return containers.map(this.#dialect === 'docker' ? listed : listedByPodman);
    if (path === '/info') return { SecurityOptions: ['name=seccomp,profile=default'], OperatingSystem: 'Debian' };
    if (path === '/networks') return this.#networks();
    const image = /^\/images\/(sha256:[0-9a-f]+)\/json$/.exec(path)?.[1];
    const example = [...this.#containers.values()].find((one) => image === imageId(one));
    if (example !== undefined) return { Id: image, Config: { Labels: example.imageLabels ?? null } };
    const id = /^\/containers\/([0-9a-f]+)\/json$/.exec(path)?.[1];
    const container = [...this.#containers.values()].find((one) => one.id === id);
    return container === undefined ? undefined : inspected(container);
  }

  #networks(): unknown {
    const names = new Set([...this.#containers.values()].flatMap((one) => Object.keys(networksOf(one))));
    return [...names].map((name) => ({ Id: networkId(name), Name: name, Driver: this.#drivers[name] ?? 'bridge' }));
  }
}

function networksOf(container: FakeContainer): Readonly<Record<string, string>> {
  return container.networks ?? { bridge: '172.17.0.2' };
}

function networkId(name: string): string {
  return Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);
}

/** Without `all` the engine lists only these. */
function isUp(container: FakeContainer): boolean {
  return ['running', 'paused', 'restarting'].includes(container.state ?? 'running');
}

function listed(container: FakeContainer & { readonly id: string }): unknown {
  const state = container.state ?? 'running';
  const hasNetwork = state === 'running' || state === 'paused';
  const networks = Object.entries(networksOf(container)).map(([name, address]) => [
    name,
    { IPAddress: hasNetwork ? address : '', Gateway: '172.17.0.1', NetworkID: networkId(name) },
  ]);
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.image ?? 'example/app:latest',
    Created: container.created ?? 1_700_000_000,
    State: state,
    Status: container.status ?? (hasNetwork ? 'Up 2 minutes' : 'Exited (0) 1 minute ago'),
    Labels: { ...container.imageLabels, ...container.labels },
    ImageID: imageId(container),
    HostConfig: { NetworkMode: container.networkMode ?? 'bridge' },
    NetworkSettings: { Networks: Object.fromEntries(networks) },
    Ports: (hasNetwork ? (container.ports ?? []) : []).map((port) => ({
      PrivatePort: port.port,
      Type: port.type ?? 'tcp',
      ...(port.publicPort === undefined ? {} : { PublicPort: port.publicPort, IP: port.ip ?? '0.0.0.0' }),
    })),
  };
}

/** By name and labels: another image may have the same name. */
function imageId(container: FakeContainer): string {
  const text = JSON.stringify([container.image, container.imageLabels]);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** Networks by name, no word of how it is connected, and of the ports only those that are published. */
function listedByPodman(container: FakeContainer & { readonly id: string }): unknown {
  const { networkMode } = container;
  const isApart = networkMode === 'host' || networkMode === 'none';
  const networks = Object.entries(isApart ? {} : networksOf(container)).map(([name, address]) => [
    name,
    { IPAddress: address, Gateway: '10.88.0.1', NetworkID: name },
  ]);
  const ports = (container.ports ?? []).filter(({ publicPort }) => publicPort !== undefined);
  return {
    ...(listed({ ...container, ports }) as object),
    HostConfig: null,
    NetworkSettings: { Networks: Object.fromEntries(networks) },
  };
}

function inspected(container: FakeContainer & { readonly id: string }): unknown {
  const exposed = Object.fromEntries((container.exposed ?? []).map((port) => [port, {}]));
  return {
    Id: container.id,
    Config: { Image: container.image ?? 'example/app:latest', ExposedPorts: exposed, Env: container.env ?? [] },
    HostConfig: { NetworkMode: container.networkMode ?? 'bridge' },
  };
}
