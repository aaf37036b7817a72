// The little of ASN.1's DER (X.690) that a certificate needs. Pure.

/** One encoded value: tag, length, contents. */
export type Der = Uint8Array;

/** A value of any tag around its contents. */
export function encodeDer(tag: number, ...contents: readonly Uint8Array[]): Der {
  const body = Buffer.concat(contents);
  return Buffer.concat([Uint8Array.of(tag), encodeLength(body.length), body]);
}

/** X.690 8.1.3: up to 127 in one byte, else the number of bytes and the bytes. */
function encodeLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

/** SEQUENCE. */
export function sequence(...items: readonly Der[]): Der {
  return encodeDer(0x30, ...items);
}

/** SET of one element, so that order is no question. */
export function setOf(item: Der): Der {
  return encodeDer(0x31, item);
}

/** INTEGER from unsigned big-endian bytes without leading zeros. */
export function integer(bytes: Uint8Array): Der {
  const negative = ((bytes[0] ?? 0) & 0x80) !== 0;
  return negative ? encodeDer(0x02, Uint8Array.of(0), bytes) : encodeDer(0x02, bytes);
}

/** BOOLEAN TRUE; DER leaves out what is false by default. */
export const booleanTrue: Der = Uint8Array.of(0x01, 0x01, 0xff);

/** BIT STRING; `unused` bits at the end count for nothing. */
export function bitString(bytes: Uint8Array, unused = 0): Der {
  return encodeDer(0x03, Uint8Array.of(unused), bytes);
}

/** OCTET STRING. */
export function octetString(bytes: Uint8Array): Der {
  return encodeDer(0x04, bytes);
}

/** UTF8String. */
export function utf8String(text: string): Der {
  return encodeDer(0x0c, Buffer.from(text, 'utf8'));
}

/** OBJECT IDENTIFIER from its dotted form. */
export function objectIdentifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return encodeDer(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128));
  return bytes;
}

/** RFC 5280 4.1.2.5: UTCTime to the end of 2049, GeneralizedTime from then on; whole seconds. */
export function time(date: Date): Der {
  const digits = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  if (date.getUTCFullYear() >= 2050) return encodeDer(0x18, Buffer.from(digits));
  return encodeDer(0x17, Buffer.from(digits.slice(2)));
}

/** Where one value lies in a buffer. */
interface Located {
  readonly tag: number;
  readonly start: number;
  readonly contents: number;
  readonly end: number;
}

/** The values directly inside the value that `bytes` begins with, whole; throws RangeError when lengths do not fit. */
export function childrenOf(bytes: Uint8Array): Der[] {
  const outer = locate(bytes, 0, bytes.length);
  const children: Der[] = [];
  for (let at = outer.contents; at < outer.end; ) {
    const child = locate(bytes, at, outer.end);
    children.push(bytes.subarray(child.start, child.end));
    at = child.end;
  }
  return children;
}

function locate(bytes: Uint8Array, start: number, limit: number): Located {
  const [tag, short] = [bytes[start], bytes[start + 1]];
  if (tag === undefined || short === undefined) throw new RangeError('DER ends too early');
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  if (lengthBytes > 4 || short === 0x80) throw new RangeError('DER has a length that is not allowed');
  let length = short < 0x80 ? short : 0;
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[start + 2 + i] ?? 0);
  const contents = start + 2 + lengthBytes;
  if (contents + length > limit) throw new RangeError('DER ends too early');
  return { tag, start, contents, end: contents + length };
}
