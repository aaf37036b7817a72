// A Supervisor on a real socket: its documented API under its old names or its new ones, with add-ons a test can start, stop and change.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** What of a manifest decides how an add-on is reached; keys as in manifests. */
export interface Manifest {
  readonly slug: string;
  readonly name: string;
  readonly ports?: Readonly<Record<string, number | null>>;
  readonly ports_description?: Readonly<Record<string, string>>;
  readonly webui?: string;
  readonly host_network?: boolean;
  readonly ingress?: boolean;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** An installed add-on. */
export interface InstalledAddOn {
  readonly manifest: Manifest;
  /** With its repository: `a0d7b954_nodered`. */
  readonly slug: string;
  readonly state?: string;
  /** What the user made of the ports, over what the manifest says. */
  readonly network?: Readonly<Record<string, number | null>>;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Default the slug with hyphens. */
  readonly hostname?: string;
  readonly ip?: string;
}

/** How this Supervisor is. */
export interface FakeSupervisorOptions {
  /** `new`: only `/v2/apps`, with the key `apps` and events called `app`. Default `old`. */
  readonly names?: 'old' | 'new';
  /** What we may ask for; default `manager`. */
  readonly role?: 'manager' | 'default';
  /** Whether the manifest has `homeassistant_api`; default true. */
  readonly mayTalkToCore?: boolean;
  /** Our own slug; default `local_sallyport`. */
  readonly self?: string;
  readonly core?: { readonly port: number; readonly ssl?: boolean; readonly ip_address?: string };
  /** What Core answers to `http/config`; absent for one that does not know the command. */
  readonly httpConfig?: () => unknown;
}

/** The Supervisor in a test's hands. */
export interface FakeSupervisor {
  readonly url: string;
  readonly token: string;
  /** Paths asked for so far. */
  readonly calls: readonly string[];
  /** Commands Core got over websockets so far. */
  readonly commands: readonly string[];
  install(...addOns: readonly InstalledAddOn[]): void;
  uninstall(slug: string): void;
  /** Sets the state and tells of it. */
  setState(slug: string, state: string): void;
  /** Tells of something. */
  emit(event: Record<string, unknown>): void;
  /** How many sockets get events. */
  subscribers(): number;
  /** As when Core restarts: every websocket ends. */
  dropSockets(): void;
  /** Answers everything with this until told otherwise. */
  answerWith(answer: { readonly status: number; readonly body: string } | undefined): void;
  /** Answers are made as they are now and sent when the returned function is called. */
  hold(): () => void;
  close(): Promise<void>;
}

const token = 'a-token-of-a-test';

/** Starts one on a free port of 127.0.0.1. */
export async function startFakeSupervisor(options: FakeSupervisorOptions = {}): Promise<FakeSupervisor> {
  const supervisor = new Running(options);
  await supervisor.listen();
  return supervisor;
}

class Running implements FakeSupervisor {
  readonly token = token;
  readonly calls: string[] = [];
  readonly commands: string[] = [];
  readonly #options: FakeSupervisorOptions;
  readonly #self: string;
  readonly #addOns = new Map<string, InstalledAddOn>();
  readonly #server = createServer((request, response) => this.#answer(request, response));
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #subscribed = new Map<WebSocket, number>();
  #held: Promise<void> = Promise.resolve();
  #forced: { readonly status: number; readonly body: string } | undefined;

  constructor(options: FakeSupervisorOptions) {
    this.#options = options;
    this.#self = options.self ?? 'local_sallyport';
    this.install({ slug: this.#self, manifest: { slug: 'sallyport', name: 'Sallyport', ingress: true } });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    this.#server.on('upgrade', (request, socket, head) => {
      this.calls.push(`${request.url} (upgrade)`);
      this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#talk(opened));
    });
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  install(...addOns: readonly InstalledAddOn[]): void {
    for (const addOn of addOns) this.#addOns.set(addOn.slug, addOn);
  }

  uninstall(slug: string): void {
    this.#addOns.delete(slug);
  }

  setState(slug: string, state: string): void {
    const addOn = this.#addOns.get(slug);
    if (addOn === undefined) throw new Error(`there is no add-on ${slug}`);
    this.#addOns.set(slug, { ...addOn, state });
    this.emit({ event: this.#options.names === 'new' ? 'app' : 'addon', slug, state });
  }

  emit(event: Record<string, unknown>): void {
    for (const [socket, id] of this.#subscribed) socket.send(JSON.stringify({ id, type: 'event', event }));
  }

  subscribers(): number {
    return this.#subscribed.size;
  }

  dropSockets(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  answerWith(answer: { readonly status: number; readonly body: string } | undefined): void {
    this.#forced = answer;
  }

  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  async close(): Promise<void> {
    this.dropSockets();
    this.#sockets.close();
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #talk(socket: WebSocket): void {
    socket.on('error', () => undefined);
    socket.on('close', () => this.#subscribed.delete(socket));
    socket.on('message', (data) => this.#hear(socket, JSON.parse(String(data))));
    socket.send(JSON.stringify({ type: 'auth_required', ha_version: '2026.9.1' }));
  }

  #hear(socket: WebSocket, message: { id: number; type: string; access_token?: string }): void {
    this.commands.push(message.type);
    if (message.type === 'supervisor/subscribe') this.#subscribed.set(socket, message.id);
    socket.send(JSON.stringify({ id: message.id, ...this.#reply(message) }));
  }

  #reply({ type, access_token }: { type: string; access_token?: string }): object {
    const { httpConfig, mayTalkToCore = true } = this.#options;
    if (type === 'auth') return { type: access_token === token && mayTalkToCore ? 'auth_ok' : 'auth_invalid' };
    const results: Record<string, unknown> = {
      'supervisor/subscribe': null,
      'auth/current_user': { name: 'Supervisor', is_admin: true },
      ...(httpConfig === undefined ? {} : { 'http/config': httpConfig() }),
    };
    if (type in results) return { type: 'result', success: true, result: results[type] };
    return { type: 'result', success: false, error: { code: 'unknown_command', message: 'Unknown command.' } };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.calls.push(path);
    const { status, body } = this.#forced ?? this.#judge(path, request.headers.authorization);
    void this.#held.then(() => response.writeHead(status, { 'content-type': 'application/json' }).end(body));
  }

  #judge(path: string, authorization: string | undefined): { readonly status: number; readonly body: string } {
    if (authorization !== `Bearer ${token}`) return { status: 401, body: '401: Unauthorized' };
    if (!this.#isAllowed(path)) return { status: 403, body: '403: Forbidden' };
    const found = this.#route(path);
    if (found === undefined) return { status: 404, body: '404: Not Found' };
    if (found.raw === true) return { status: 200, body: JSON.stringify(found.data) };
    if (found.data !== undefined) return { status: 200, body: JSON.stringify({ result: 'ok', data: found.data }) };
    return { status: found.status ?? 400, body: JSON.stringify({ result: 'error', message: found.message }) };
  }

  /** As the role table of the Supervisor's security layer has it. */
  #isAllowed(path: string): boolean {
    if (this.#options.role !== 'default') return true;
    return /^(?:\/.+)?\/info$|^\/services|^\/core\/api\//.test(path);
  }

  #route(path: string): { data?: unknown; raw?: boolean; status?: number; message?: string } | undefined {
    const isNew = this.#options.names === 'new';
    const lists = isNew ? '/v2/apps' : '/addons';
    const core = isNew ? '/v2/core' : '/core';
    if (path === lists) return { data: { [isNew ? 'apps' : 'addons']: [...this.#addOns.values()].map(summary) } };
    if (path.startsWith(`${lists}/`) && path.endsWith('/info')) return this.#info(path.slice(lists.length + 1, -5));
    switch (path) {
      case `${core}/info`:
        return { data: this.#core() };
      case '/network/info':
        return { data: { interfaces: [], docker: network, host_internet: true, supervisor_internet: true } };
      case '/supervisor/info':
        return { data: { version: '2026.10.0', channel: 'stable', healthy: true } };
      case '/info':
        return { data: { supervisor: '2026.10.0', homeassistant: '2026.9.1', hassos: '18.0' } };
      case '/services/mqtt':
        return this.#addOns.has('core_mosquitto') ? { data: mqtt } : { message: 'Service not enabled' };
      case '/core/api/config':
        return { raw: true, data: { location_name: 'Home', version: '2026.9.1', state: 'RUNNING' } };
    }
    return undefined;
  }

  #info(slug: string): { data?: unknown; status?: number; message?: string } {
    const addOn = this.#addOns.get(slug === 'self' ? this.#self : decodeURIComponent(slug));
    if (addOn === undefined) return { message: `Addon ${slug} does not exist`, status: 404 };
    return { data: info(addOn, this.#options.role !== 'default' || addOn.slug === this.#self) };
  }

  #core() {
    const { port, ssl = false, ip_address = '172.30.32.1' } = this.#options.core ?? { port: 8123 };
    return { version: '2026.9.1', arch: 'amd64', machine: 'qemux86-64', ip_address, port, ssl, boot: true };
  }
}

const network = { interface: 'hassio', address: '172.30.32.0/23', gateway: '172.30.32.1', dns: '172.30.32.3' };
const mqtt = { host: 'core-mosquitto', port: 1883, ssl: false, username: 'addons', password: 'pw', protocol: '3.1.1' };

function summary({ slug, manifest, state = 'started' }: InstalledAddOn) {
  return { name: manifest.name, slug, description: '', state, version: '1.0.0', repository: slug.split('_')[0] };
}

function info(addOn: InstalledAddOn, areOptionsShown: boolean) {
  const { slug, manifest, hostname = slug.replaceAll('_', '-') } = addOn;
  const ports = manifest.ports === undefined ? null : { ...manifest.ports, ...addOn.network };
  const options = { ...manifest.options, ...addOn.options };
  const isOnHost = manifest.host_network === true;
  const isRunning = (addOn.state ?? 'started') === 'started';
  return {
    ...summary(addOn),
    hostname,
    long_description: 'Lorem ipsum. '.repeat(200),
    options: areOptionsShown ? options : {},
    network: ports,
    network_description: manifest.ports_description ?? null,
    host_network: isOnHost,
    ingress: manifest.ingress === true,
    ingress_port: manifest.ingress === true ? 8099 : null,
    webui: resolveWebUi(manifest.webui, ports, options),
    ip_address: isOnHost ? '172.30.32.1' : isRunning ? (addOn.ip ?? '172.30.33.9') : '0.0.0.0',
  };
}

/** As the Supervisor fills in the template: nothing when the port is closed, the host's port when it is open. */
function resolveWebUi(
  template: string | undefined,
  ports: Readonly<Record<string, number | null>> | null,
  options: Readonly<Record<string, unknown>>,
): string | null {
  const match = /^(?:(https?)|\[PROTO:([-\w]+)\]):\/\/\[HOST\]:\[PORT:(\d+)\](.*)$/.exec(template ?? '');
  if (match === null) return null;
  const [, fixed, option = '', inside = '', rest = ''] = match;
  const port = ports === null ? Number(inside) : (ports[`${inside}/tcp`] ?? null);
  const scheme = fixed ?? (options[option] === true ? 'https' : 'http');
  return port === null ? null : `${scheme}://[HOST]:${port}${rest}`;
}
