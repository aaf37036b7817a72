// The connector's end of a control stream: calls the edge exactly as cloudflared does.
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '../../clock.ts';
import { EdgeError, ProtocolError } from '../../errors.ts';
import type { StructBuilder } from './builder.ts';
import type { Segments } from './framing.ts';
import type { StructReader } from './message.ts';
import type { RegistrationClient } from './registration.ts';
import {
  readRegisterResponse,
  registrationInterface,
  registrationMethod,
  writeLocalConfiguration,
  writeNothing,
  writeRegisterRequest,
} from './registration-codec.ts';
import {
  bootstrapCapability,
  decodeRpc,
  encodeAbort,
  encodeBootstrap,
  encodeCall,
  encodeException,
  encodeFinish,
  encodeRelease,
  encodeUnimplemented,
  exceptionType,
  type ReturnResult,
} from './rpc.ts';
import { createTransport } from './transport.ts';

/** How a client waits. */
export interface RegistrationClientOptions {
  /** For registerConnection and updateLocalConfiguration; cloudflared waits 5 s. */
  readonly timeoutMs: number;
  readonly clock?: Clock;
}

/** A question still open. `settle` runs once; a ProtocolError it throws ends the stream. */
interface Question {
  readonly settle: (result: ReturnResult) => void;
  readonly reject: (error: Error) => void;
}

const longestReason = 1024;

/** A client on a fresh control stream; nothing is sent before the first call. */
export function createRegistrationClient(stream: Duplex, options: RegistrationClientOptions): RegistrationClient {
  const clock = options.clock ?? systemClock;
  const questions = new Map<number, Question>();
  const freeIds: number[] = [];
  let nextId = 0;
  /** The bootstrap capability: asked for as a question, then known by its id. */
  let edge: { readonly promisedAnswer: number } | { readonly importedCap: number } | undefined;
  let reason: Error | undefined;

  const transport = createTransport({ stream, onMessage, clock });
  const closed = transport.closed.then(() => rejectAll(transport.error));

  function onMessage(segments: Segments): void {
    const message = decodeRpc(segments);
    switch (message.kind) {
      case 'return':
        onReturn(message.answerId, message.result);
        break;
      case 'abort':
        reason = refused(`the edge ended the control stream: ${shorten(message.reason)}`);
        transport.close();
        break;
      case 'bootstrap':
      case 'call':
        // We host nothing; the answer needs no memory, so a flood of questions takes none.
        transport.send(encodeException(message.questionId, 'nothing is hosted here', exceptionType.unimplemented));
        break;
      case 'unimplemented':
        throw new ProtocolError('the edge does not understand registration');
      case 'unknown':
        transport.send(encodeUnimplemented(segments));
        break;
      case 'finish':
      case 'release':
        break;
    }
  }

  function onReturn(id: number, result: ReturnResult): void {
    const question = questions.get(id);
    if (question === undefined) throw new ProtocolError(`an answer to question ${id}, which was not asked`);
    questions.delete(id);
    try {
      question.settle(result);
    } finally {
      transport.send(encodeFinish(id, false));
      freeIds.push(id);
    }
  }

  /** Last freed first, as go-capnp does. */
  function ask(question: Question): number {
    const id = freeIds.pop() ?? nextId++;
    questions.set(id, question);
    return id;
  }

  function bootstrap(): { readonly promisedAnswer: number } | { readonly importedCap: number } {
    if (edge !== undefined) return edge;
    const id = ask({
      settle: (result) => {
        if (result.kind !== 'results') throw new ProtocolError('the edge refuses to give its registration capability');
        edge = { importedCap: bootstrapCapability(result.payload) };
      },
      // Whoever made a call hears of it there.
      reject: () => undefined,
    });
    transport.send(encodeBootstrap(id));
    edge = { promisedAnswer: id };
    return edge;
  }

  interface Call<T> {
    readonly methodId: number;
    readonly params: (payload: StructBuilder) => void;
    readonly read: (results: StructReader) => T;
    readonly timeoutMs: number;
  }

  async function call<T>(outgoing: Call<T>): Promise<T> {
    if (reason !== undefined) throw reason;
    const target = bootstrap();
    const answered = new AbortController();
    const answer = new Promise<T>((resolve, reject) => {
      const id = ask({ reject, settle: (result) => settle(result, outgoing.read, { resolve, reject }) });
      const { methodId, params } = outgoing;
      transport.send(encodeCall({ questionId: id, interfaceId: registrationInterface, methodId, target, params }));
      // The question stays open after a timeout: its id is free only when its return came.
      clock.sleep(outgoing.timeoutMs, answered.signal).then(
        () => reject(unreachable(`the edge did not answer within ${outgoing.timeoutMs} ms`)),
        () => undefined,
      );
    });
    return answer.finally(() => answered.abort());
  }

  function rejectAll(cause: Error | undefined): void {
    reason ??= cause instanceof ProtocolError ? cause : unreachable('the control stream is closed', cause);
    for (const question of questions.values()) question.reject(reason);
    questions.clear();
  }

  return {
    closed,
    get error() {
      return transport.error;
    },
    registerConnection: (request) =>
      call({
        methodId: registrationMethod.registerConnection,
        params: (payload) => writeRegisterRequest(payload, request),
        read: readRegisterResponse,
        timeoutMs: options.timeoutMs,
      }),
    updateLocalConfiguration: (config) =>
      call({
        methodId: registrationMethod.updateLocalConfiguration,
        params: (payload) => writeLocalConfiguration(payload, config),
        read: () => undefined,
        timeoutMs: options.timeoutMs,
      }),
    unregisterConnection: (timeoutMs) =>
      call({
        methodId: registrationMethod.unregisterConnection,
        params: writeNothing,
        read: () => undefined,
        timeoutMs,
      }),
    close: () => {
      if (edge !== undefined && 'importedCap' in edge) transport.send(encodeRelease(edge.importedCap, 1));
      transport.close(encodeAbort('rpc: shutdown'));
    },
  };
}

interface Outcome<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Hands a call its outcome; what cannot be read is the caller's error and the stream's. */
function settle<T>(result: ReturnResult, read: (results: StructReader) => T, outcome: Outcome<T>): void {
  if (result.kind === 'exception') {
    outcome.reject(refused(shorten(result.reason)));
    return;
  }
  try {
    if (result.kind === 'other') throw new ProtocolError('the edge answered a call in a way that is not supported');
    outcome.resolve(read(result.payload.struct(0)));
  } catch (error) {
    outcome.reject(error instanceof Error ? error : new ProtocolError(String(error)));
    throw error;
  }
}

function refused(message: string): EdgeError {
  return new EdgeError({ code: 'E_EDGE_REFUSED', message, retryable: true });
}

function unreachable(message: string, cause?: unknown): EdgeError {
  return new EdgeError({ code: 'E_EDGE_UNREACHABLE', message, cause, retryable: true });
}

function shorten(reason: string): string {
  return reason.length > longestReason ? `${reason.slice(0, longestReason)}…` : reason;
}
