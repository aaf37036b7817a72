// The edge's end of a control stream: hosts the bootstrap capability and answers a connector's calls on it.
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';
import { AppError, ProtocolError } from '../../errors.ts';
import type { StructBuilder } from './builder.ts';
import type { Segments } from './framing.ts';
import { defaultLimits, type Limits } from './limits.ts';
import type { RegistrationHandlers, RegistrationServer } from './registration.ts';
import {
  readLocalConfiguration,
  readRegisterRequest,
  registrationInterface,
  registrationMethod,
  writeNothing,
  writeRegisterResponse,
} from './registration-codec.ts';
import {
  type CallTarget,
  decodeRpc,
  encodeBootstrapResult,
  encodeException,
  encodeResults,
  encodeUnimplemented,
  exceptionType,
  type RpcMessage,
} from './rpc.ts';
import { createTransport } from './transport.ts';

/** What one connector may keep open; cloudflared never has more than two. */
const maxAnswers = 64;
const maxCallsInFlight = 16;
/** A registration is under a kilobyte; only who proved the tunnel's secret may send a whole configuration. */
const strangerLimits: Limits = { ...defaultLimits, maxMessageBytes: 64 * 1024 };
/** Our only export. */
const bootstrapExport = 0;

type Call = Extract<RpcMessage, { kind: 'call' }>;

/** An answer from its question until both our return and the peer's finish: only then may its id come again. */
interface Answer {
  readonly kind: 'bootstrap' | 'call';
  returned: boolean;
  finished: boolean;
}

/** Serves one control stream until either side ends it. Start it before the stream's first byte can be lost. */
export function serveRegistration(
  stream: Duplex,
  handlers: RegistrationHandlers,
  options: { readonly clock?: Clock } = {},
): RegistrationServer {
  const answers = new Map<number, Answer>();
  let callsInFlight = 0;
  let references = 0;
  let exported = false;
  let registered = false;

  const transport = createTransport({
    stream,
    onMessage,
    limits: () => (registered ? defaultLimits : strangerLimits),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  });

  function onMessage(segments: Segments): void {
    const message = decodeRpc(segments);
    switch (message.kind) {
      case 'bootstrap':
        open(message.questionId, 'bootstrap');
        exported = true;
        references++;
        reply(message.questionId, encodeBootstrapResult(message.questionId, bootstrapExport));
        break;
      case 'call':
        onCall(message);
        break;
      case 'finish':
        onFinish(message.questionId, message.releaseResultCaps);
        break;
      case 'release':
        release(message.id, message.count);
        break;
      case 'abort':
        transport.close();
        break;
      case 'unknown':
        transport.send(encodeUnimplemented(segments));
        break;
      case 'return':
        throw new ProtocolError('a return to a question that was never asked');
      case 'unimplemented':
        // About something we sent, which is never more than a return: nothing to take back.
        break;
    }
  }

  function open(questionId: number, kind: Answer['kind']): void {
    if (answers.has(questionId)) throw new ProtocolError(`question ${questionId} is asked while it is still open`);
    if (answers.size >= maxAnswers) throw new ProtocolError('too many questions are open');
    answers.set(questionId, { kind, returned: false, finished: false });
  }

  function reply(questionId: number, frame: Uint8Array): void {
    transport.send(frame);
    const answer = answers.get(questionId);
    if (answer === undefined) return;
    answer.returned = true;
    if (answer.finished) answers.delete(questionId);
  }

  function onFinish(questionId: number, releaseResultCaps: boolean): void {
    const answer = answers.get(questionId);
    if (answer === undefined || answer.finished)
      throw new ProtocolError(`question ${questionId} is finished but not open`);
    answer.finished = true;
    if (releaseResultCaps && answer.kind === 'bootstrap') release(bootstrapExport, 1);
    if (answer.returned) answers.delete(questionId);
  }

  function release(id: number, count: number): void {
    if (id !== bootstrapExport || count > references) throw new ProtocolError(`capability ${id} is released too often`);
    references -= count;
  }

  function onCall(call: Call): void {
    checkTarget(call.target);
    open(call.questionId, 'call');
    const refusal = refuse(call, answers);
    if (refusal !== undefined) {
      reply(call.questionId, encodeException(call.questionId, refusal, exceptionType.unimplemented));
      return;
    }
    if (callsInFlight >= maxCallsInFlight) throw new ProtocolError('too many calls are in flight');
    callsInFlight++;
    // Reading the parameters is not deferred: what is wrong with them is the stream's error, not the call's.
    dispatch(call)
      .then((write) => encodeResults(call.questionId, write))
      .catch((error: unknown) => encodeException(call.questionId, explain(error)))
      .then((frame) => {
        callsInFlight--;
        reply(call.questionId, frame);
      })
      .catch(transport.fail);
  }

  function checkTarget(target: CallTarget): void {
    if ('importedCap' in target) {
      if (!exported || target.importedCap !== bootstrapExport)
        throw new ProtocolError(`a call on capability ${target.importedCap}, which was never given`);
    } else if (!answers.has(target.promisedAnswer)) {
      throw new ProtocolError(`a call on the answer to question ${target.promisedAnswer}, which is not open`);
    }
  }

  function dispatch(call: Call): Promise<(payload: StructBuilder) => void> {
    switch (call.methodId) {
      case registrationMethod.registerConnection:
        return register(call);
      case registrationMethod.unregisterConnection:
        return handlers.unregisterConnection().then(() => writeNothing);
      default:
        return handlers.updateLocalConfiguration(readLocalConfiguration(call.params)).then(() => writeNothing);
    }
  }

  function register(call: Call): Promise<(payload: StructBuilder) => void> {
    return handlers.registerConnection(readRegisterRequest(call.params)).then((response) => {
      registered ||= 'details' in response;
      return (payload) => writeRegisterResponse(payload, response);
    });
  }

  return {
    closed: transport.closed,
    close: () => transport.close(),
    get error() {
      return transport.error;
    },
  };
}

/** Why a well-formed call cannot be served, or undefined. */
function refuse(call: Call, answers: ReadonlyMap<number, Answer>): string | undefined {
  const { target } = call;
  if ('promisedAnswer' in target && (target.steps > 0 || answers.get(target.promisedAnswer)?.kind !== 'bootstrap'))
    return 'the answer holds no capability there';
  if (!call.resultsToCaller) return 'results can only be sent to the caller';
  if (call.interfaceId !== registrationInterface) return 'this interface is not served here';
  if (call.methodId > registrationMethod.updateLocalConfiguration) return 'this method does not exist';
  return undefined;
}

/** Only what was written to be read by others leaves the process. */
function explain(error: unknown): string {
  return error instanceof AppError ? error.message : 'internal error';
}
