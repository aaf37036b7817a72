// The client's half of SOCKS 5 (RFC 1928) without authentication, read as it arrives. Pure; every length is bounded by the protocol.
import type { Destination } from './destination.ts';

/** The replies that are sent (RFC 1928 6). */
export const socksReplies = {
  granted: 0,
  failed: 1,
  forbidden: 2,
  hostUnreachable: 4,
  refused: 5,
  unknownCommand: 7,
  unknownAddress: 8,
} as const;

/** What to do after the bytes so far. */
export type SocksStep =
  | { readonly kind: 'more' }
  /** Send this and read on. */
  | { readonly kind: 'answer'; readonly bytes: Buffer }
  /** Send this and hang up. */
  | { readonly kind: 'refuse'; readonly bytes: Buffer }
  /** Connect; `rest` is already meant for the destination. */
  | { readonly kind: 'connect'; readonly destination: Destination; readonly rest: Buffer };

/** Reads one conversation. */
export interface SocksReader {
  /** Call with what arrived, then with nothing while the step is an `answer`. */
  push(chunk?: Buffer): SocksStep;
}

const version = 5;
const more: SocksStep = { kind: 'more' };

/** At the beginning of a conversation. */
export function createSocksReader(): SocksReader {
  let pending = Buffer.alloc(0);
  let isGreeted = false;

  function greeting(): SocksStep {
    const count = pending[1] ?? 0;
    if (pending.length < 2 + count) return more;
    const methods = pending.subarray(2, 2 + count);
    pending = pending.subarray(2 + count);
    isGreeted = true;
    // 0: without authentication; 255: none of what was offered.
    if (methods.includes(0)) return { kind: 'answer', bytes: Buffer.from([version, 0]) };
    return { kind: 'refuse', bytes: Buffer.from([version, 0xff]) };
  }

  function request(): SocksStep {
    const [, command, , kind] = pending;
    if (command !== 1) return { kind: 'refuse', bytes: socksReply(socksReplies.unknownCommand) };
    const start = kind === 3 ? 5 : 4;
    const length = kind === 1 ? 4 : kind === 4 ? 16 : kind === 3 ? (pending[4] ?? 0) : undefined;
    if (length === undefined || (kind === 3 && pending.length > 4 && length === 0))
      return { kind: 'refuse', bytes: socksReply(socksReplies.unknownAddress) };
    const end = start + length;
    if (pending.length < end + 2) return more;
    const host = hostOf(kind ?? 0, pending.subarray(start, end));
    if (host === undefined) return { kind: 'refuse', bytes: socksReply(socksReplies.unknownAddress) };
    const destination = { host, port: pending.readUInt16BE(end) };
    return { kind: 'connect', destination, rest: pending.subarray(end + 2) };
  }

  return {
    push(chunk) {
      if (chunk !== undefined) pending = Buffer.concat([pending, chunk]);
      if (pending.length > 0 && pending[0] !== version) return { kind: 'refuse', bytes: Buffer.from([version, 0xff]) };
      if (!isGreeted) return pending.length < 2 ? more : greeting();
      return pending.length < 4 ? more : request();
    },
  };
}

/** A reply; the bound address, which clients of a proxy have no use for, is all zero. */
export function socksReply(code: number): Buffer {
  return Buffer.from([version, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}

/** Letters a host name may have; anything else would only confuse whoever looks it up or reads the log. */
const hostName = /^[A-Za-z0-9_.:-]+$/;

function hostOf(kind: number, bytes: Buffer): string | undefined {
  if (kind === 1) return bytes.join('.');
  if (kind === 4) return Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(':');
  const name = bytes.toString('latin1');
  return hostName.test(name) ? name : undefined;
}
