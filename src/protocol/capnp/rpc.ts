// The part of Cap'n Proto's RPC protocol a control stream needs: one bootstrap capability, calls on it, their returns.
// Pure. Layouts: capnproto's rpc.capnp; sizes are "data words, pointers".
import { ProtocolError } from '../../errors.ts';
import { buildMessage, type StructBuilder } from './builder.ts';
import { encodeFrame, type Segments } from './framing.ts';
import type { Limits } from './limits.ts';
import { readRoot, type StructReader } from './message.ts';

/** What a call is made on: a capability we were given, or one a question still open will give. */
export type CallTarget =
  | { readonly importedCap: number }
  | { readonly promisedAnswer: number /** Steps into the answer; 0 is the answer itself. */; readonly steps: number };

/** Rpc.capnp's Exception.Type. */
export const exceptionType = { failed: 0, overloaded: 1, disconnected: 2, unimplemented: 3 } as const;

/** How a call ended. */
export type ReturnResult =
  | { readonly kind: 'results'; readonly payload: StructReader }
  | { readonly kind: 'exception'; readonly reason: string }
  | { readonly kind: 'other' };

/** A message as received. */
export type RpcMessage =
  | { readonly kind: 'bootstrap'; readonly questionId: number }
  | {
      readonly kind: 'call';
      readonly questionId: number;
      readonly interfaceId: bigint;
      readonly methodId: number;
      readonly target: CallTarget;
      /** False: the results should go elsewhere, which nobody here supports. */
      readonly resultsToCaller: boolean;
      readonly params: StructReader;
    }
  | { readonly kind: 'return'; readonly answerId: number; readonly result: ReturnResult }
  | { readonly kind: 'finish'; readonly questionId: number; readonly releaseResultCaps: boolean }
  | { readonly kind: 'release'; readonly id: number; readonly count: number }
  | { readonly kind: 'abort'; readonly reason: string }
  | { readonly kind: 'unimplemented' }
  /** Resolve, disembargo and the levels above: to be answered with `unimplemented`. */
  | { readonly kind: 'unknown' };

const tag = {
  unimplemented: 0,
  abort: 1,
  call: 2,
  return: 3,
  finish: 4,
  release: 6,
  bootstrap: 8,
} as const;

/** Reads a message; its parameters and results stay unread. Throws ProtocolError. */
export function decodeRpc(segments: Segments, limits?: Limits): RpcMessage {
  const root = readRoot(segments, limits);
  switch (root.u16(0)) {
    case tag.unimplemented:
      return { kind: 'unimplemented' };
    case tag.abort:
      return { kind: 'abort', reason: root.struct(0).text(0) };
    case tag.bootstrap:
      return { kind: 'bootstrap', questionId: root.struct(0).u32(0) };
    case tag.call:
      return decodeCall(root.struct(0));
    case tag.return:
      return decodeReturn(root.struct(0));
    case tag.finish:
      return decodeFinish(root.struct(0));
    case tag.release:
      return { kind: 'release', id: root.struct(0).u32(0), count: root.struct(0).u32(4) };
    default:
      return { kind: 'unknown' };
  }
}

function decodeCall(call: StructReader): RpcMessage {
  return {
    kind: 'call',
    questionId: call.u32(0),
    methodId: call.u16(4),
    resultsToCaller: call.u16(6) === 0,
    interfaceId: call.u64(8),
    target: decodeTarget(call.struct(0)),
    params: call.struct(1).struct(0),
  };
}

function decodeTarget(target: StructReader): CallTarget {
  if (target.u16(4) === 0) return { importedCap: target.u32(0) };
  if (target.u16(4) !== 1) throw new ProtocolError('a call has an unknown kind of target');
  const promise = target.struct(0);
  // Op's union: 0 is `noop`, everything else goes somewhere.
  const steps = promise.structs(0).filter((op) => op.u16(0) !== 0).length;
  return { promisedAnswer: promise.u32(0), steps };
}

function decodeReturn(message: StructReader): RpcMessage {
  return { kind: 'return', answerId: message.u32(0), result: decodeResult(message) };
}

function decodeResult(message: StructReader): ReturnResult {
  if (message.u16(6) === 0) return { kind: 'results', payload: message.struct(0) };
  if (message.u16(6) === 1) return { kind: 'exception', reason: message.struct(0).text(0) };
  return { kind: 'other' };
}

function decodeFinish(finish: StructReader): RpcMessage {
  // Booleans whose default is true are stored inverted.
  return { kind: 'finish', questionId: finish.u32(0), releaseResultCaps: !finish.bit(32) };
}

/** The export id a bootstrap's answer carries. Throws ProtocolError when it carries none we could call. */
export function bootstrapCapability(payload: StructReader): number {
  const index = payload.capability(0);
  const descriptor = index === undefined ? undefined : payload.structs(1)[index];
  const kind = descriptor?.u16(0);
  // senderHosted, or senderPromise, which may be called just the same.
  if (descriptor === undefined || (kind !== 1 && kind !== 2))
    throw new ProtocolError('the bootstrap answer has no capability');
  return descriptor.u32(4);
}

function build(kind: number, dataWords: number, pointers: number, fill: (body: StructBuilder) => void): Uint8Array {
  return buildMessage({ dataWords: 1, pointers: 1 }, (root) => {
    root.u16(0, kind);
    fill(root.struct(0, dataWords, pointers));
  });
}

/** Asks for the peer's bootstrap capability. */
export function encodeBootstrap(questionId: number): Uint8Array {
  return build(tag.bootstrap, 1, 1, (bootstrap) => bootstrap.u32(0, questionId));
}

/** A call about to be made. */
export interface OutgoingCall {
  readonly questionId: number;
  readonly interfaceId: bigint;
  readonly methodId: number;
  readonly target: { readonly importedCap: number } | { readonly promisedAnswer: number };
  /** Writes the parameters as pointer 0. */
  readonly params: (payload: StructBuilder) => void;
}

/** A call whose results come back to us. */
export function encodeCall(outgoing: OutgoingCall): Uint8Array {
  return build(tag.call, 3, 3, (call) => {
    call.u32(0, outgoing.questionId);
    call.u16(4, outgoing.methodId);
    call.u64(8, outgoing.interfaceId);
    const target = call.struct(0, 1, 1);
    if ('importedCap' in outgoing.target) target.u32(0, outgoing.target.importedCap);
    else encodePromise(target, outgoing.target.promisedAnswer);
    encodePayload(call, 1, outgoing.params);
  });
}

function encodePromise(target: StructBuilder, questionId: number): void {
  target.u16(4, 1);
  const promise = target.struct(0, 1, 1);
  promise.u32(0, questionId);
  promise.structs(0, 0, 1, 0);
}

/** A payload without capabilities; the empty table is written because go-capnp writes it. */
function encodePayload(parent: StructBuilder, pointer: number, content: (payload: StructBuilder) => void): void {
  const payload = parent.struct(pointer, 0, 2);
  content(payload);
  payload.structs(1, 0, 1, 1);
}

/** Answers a call; `content` writes the results as pointer 0. */
export function encodeResults(answerId: number, content: (payload: StructBuilder) => void): Uint8Array {
  return build(tag.return, 2, 1, (message) => {
    message.u32(0, answerId);
    keepParamCaps(message);
    encodePayload(message, 0, content);
  });
}

/** Answers a bootstrap with our export `exportId`. */
export function encodeBootstrapResult(answerId: number, exportId: number): Uint8Array {
  return build(tag.return, 2, 1, (message) => {
    message.u32(0, answerId);
    keepParamCaps(message);
    const payload = message.struct(0, 0, 2);
    payload.capability(0, 0);
    const [descriptor] = payload.structs(1, 1, 1, 1);
    descriptor?.u16(0, 1);
    descriptor?.u32(4, exportId);
  });
}

/** As go-capnp does: a caller releases what it sent itself. Stored inverted. */
function keepParamCaps(message: StructBuilder): void {
  message.bit(32, true);
}

/** Answers a call or bootstrap with an exception. */
export function encodeException(answerId: number, reason: string, type: number = exceptionType.failed): Uint8Array {
  return build(tag.return, 2, 1, (message) => {
    message.u32(0, answerId);
    keepParamCaps(message);
    message.u16(6, 1);
    encodeReason(message.struct(0, 1, 1), reason, type);
  });
}

function encodeReason(exception: StructBuilder, reason: string, type: number): void {
  exception.u16(4, type);
  exception.text(0, reason);
}

/** Says that we are done with a question; its id may be used again once its return has come. */
export function encodeFinish(questionId: number, releaseResultCaps: boolean): Uint8Array {
  return build(tag.finish, 1, 0, (finish) => {
    finish.u32(0, questionId);
    finish.bit(32, !releaseResultCaps);
  });
}

/** Gives a capability back. */
export function encodeRelease(id: number, count: number): Uint8Array {
  return build(tag.release, 1, 0, (release) => {
    release.u32(0, id);
    release.u32(4, count);
  });
}

/** The last message on a connection. */
export function encodeAbort(reason: string): Uint8Array {
  return build(tag.abort, 1, 1, (exception) => encodeReason(exception, reason, exceptionType.failed));
}

/** Longer ones are refused by kind alone: an echo must not be a way to make us send megabytes. */
const longestEcho = 4096;

/**
 * Refuses a message by sending it back. Pointers are relative, so the original segment is appended as it is and its
 * root pointer repeated, moved by the one word between the two.
 */
export function encodeUnimplemented(original: Segments): Uint8Array {
  const [first] = original;
  if (original.length !== 1 || first === undefined || first.length > longestEcho)
    return buildMessage({ dataWords: 1, pointers: 1 }, (root) => root.u16(0, tag.unimplemented));
  const echo = new Uint8Array(24 + first.length);
  const view = new DataView(echo.buffer);
  echo.set(first, 24);
  view.setUint32(4, 1 | (1 << 16), true);
  view.setInt32(16, view.getInt32(24, true) + (1 << 2), true);
  view.setUint32(20, view.getUint32(28, true), true);
  return encodeFrame(echo);
}
