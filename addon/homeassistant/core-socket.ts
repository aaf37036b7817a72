// One websocket to Home Assistant through the Supervisor: its events, and what only it answers. I/O only.
import { WebSocket } from 'ws';
import { SourceError } from '../../src/errors.ts';
import { isRecord } from './shapes.ts';

/** Where the Supervisor is, and what it knows us by. */
export interface CoreSocketOptions {
  /** `http://supervisor`. */
  readonly url: string;
  /** Secret. */
  readonly token: string;
  readonly timeoutMs?: number;
}

/** An open socket that has been let in. */
export interface CoreSocket {
  /** The result of one command, null without one; undefined when this Home Assistant does not know or allow it. Rejects with a SourceError when the socket ends. */
  command(type: string): Promise<unknown>;
  /** Resolves when the socket has ended. */
  readonly closed: Promise<void>;
  close(): void;
}

const timeoutMs = 10_000;
const maxMessageBytes = 4 * 1024 * 1024;

/** What Home Assistant says when it does not know us: trying again soon cannot help. */
export class NotLetInError extends SourceError {}

/**
 * Opens a socket; `onEvent` gets every event of the Supervisor once `supervisor/subscribe` was sent. Rejects with a SourceError,
 * NotLetInError when this add-on may not talk to Home Assistant, or the signal's reason.
 */
export async function openCoreSocket(
  options: CoreSocketOptions,
  signal: AbortSignal,
  onEvent: (event: unknown) => void = () => undefined,
): Promise<CoreSocket> {
  signal.throwIfAborted();
  const limit = options.timeoutMs ?? timeoutMs;
  const url = `${options.url.replace(/^http/, 'ws').replace(/\/$/, '')}/core/websocket`;
  const socket = new WebSocket(url, { handshakeTimeout: limit, maxPayload: maxMessageBytes, perMessageDeflate: false });
  const session = new Session(socket, options.token, limit, onEvent);
  const stop = () => socket.terminate();
  signal.addEventListener('abort', stop, { once: true });
  void session.closed.then(() => signal.removeEventListener('abort', stop));
  try {
    await session.letIn;
  } catch (error) {
    socket.terminate();
    signal.throwIfAborted();
    throw error;
  }
  return session;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

class Session implements CoreSocket {
  readonly letIn: Promise<void>;
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #limitMs: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #letIn = Promise.withResolvers<void>();
  #lastId = 0;

  constructor(socket: WebSocket, token: string, limitMs: number, onEvent: (event: unknown) => void) {
    this.#socket = socket;
    this.#limitMs = limitMs;
    this.letIn = this.#letIn.promise;
    const timer = setTimeout(() => socket.terminate(), limitMs);
    socket.on('message', (data) => this.#read(String(data), token, onEvent));
    let cause: Error | undefined;
    socket.on('error', (error) => {
      cause = error;
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        clearTimeout(timer);
        this.#end(cause);
        resolve();
      });
    });
    this.letIn.then(
      () => clearTimeout(timer),
      () => clearTimeout(timer),
    );
  }

  async command(type: string): Promise<unknown> {
    const id = ++this.#lastId;
    if (this.#socket.readyState !== WebSocket.OPEN) throw ended(undefined);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    const timer = setTimeout(() => reject(ended(new Error('no answer in time'))), this.#limitMs);
    this.#send({ id, type });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(id);
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  #send(message: object): void {
    // A socket that cannot send closes, and that is heard.
    this.#socket.send(JSON.stringify(message), () => undefined);
  }

  #read(text: string, token: string, onEvent: (event: unknown) => void): void {
    const message = parseMessage(text);
    switch (message?.type) {
      case 'auth_required':
        this.#send({ type: 'auth', access_token: token });
        return;
      case 'auth_ok':
        this.#letIn.resolve();
        return;
      case 'auth_invalid':
        this.#letIn.reject(notLetIn());
        return;
      case 'event':
        onEvent(message.event);
        return;
      case 'result':
        this.#waiting.get(Number(message.id))?.resolve(message.success === true ? (message.result ?? null) : undefined);
        return;
      default:
    }
  }

  #end(cause: Error | undefined): void {
    const error = ended(cause);
    this.#letIn.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function parseMessage(text: string): Record<string, unknown> | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return isRecord(message) ? message : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function notLetIn(): NotLetInError {
  return new NotLetInError({
    code: 'E_SOURCE_UNREACHABLE',
    message: 'Home Assistant does not let this add-on in',
    hint: 'this add-on needs homeassistant_api in its manifest',
  });
}

function ended(cause: Error | undefined): SourceError {
  return new SourceError({
    code: 'E_SOURCE_UNREACHABLE',
    message: 'Home Assistant does not answer the Supervisor',
    hint: 'it is most likely restarting; this is tried again by itself',
    retryable: true,
    cause,
  });
}
