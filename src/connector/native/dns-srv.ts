// One DNS question for SRV records and its answer, as bytes (RFC 1035, RFC 2782). Pure; the answer comes from outside and is bounds-checked.

/** A server the name leads to. */
export interface SrvTarget {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
}

const typeSrv = 33;
const classInternet = 1;
/** Names in one message may point back at others; more jumps than this are a trap. */
const maxJumps = 16;
const maxTargets = 16;

/** The question. `id` is any 16 bits; the answer repeats it. */
export function encodeSrvQuery(name: string, id: number): Buffer {
  const labels = name.split('.').map((label) => {
    const text = Buffer.from(label, 'latin1');
    if (text.length < 1 || text.length > 63) throw new RangeError(`"${label}" is no DNS label`);
    return Buffer.concat([Buffer.from([text.length]), text]);
  });
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  // Recursion desired, one question.
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, typeSrv, 0, classInternet])]);
}

/** The targets in an answer; none when there is no such name. Throws when it is no answer to `id`. */
export function decodeSrvAnswer(message: Buffer, id: number): readonly SrvTarget[] {
  if (message.length < 12 || message.readUInt16BE(0) !== id || (message.readUInt16BE(2) & 0x8000) === 0)
    throw new RangeError('the DNS server answered another question');
  const code = message.readUInt16BE(2) & 0x0f;
  if (code !== 0) throw new RangeError(`the DNS server answered with error ${code}`);
  let at = 12;
  for (let left = message.readUInt16BE(4); left > 0; left--) at = readName(message, at).end + 4;
  const targets: SrvTarget[] = [];
  for (let left = message.readUInt16BE(6); left > 0 && targets.length < maxTargets; left--) {
    const { end } = readName(message, at);
    const length = message.readUInt16BE(end + 8);
    // Others, such as a CNAME on the way, are not asked for.
    if (message.readUInt16BE(end) === typeSrv) targets.push(readTarget(message, end + 10));
    at = end + 10 + length;
  }
  return targets;
}

function readTarget(message: Buffer, at: number): SrvTarget {
  const { name } = readName(message, at + 6);
  return { name, port: message.readUInt16BE(at + 4), priority: message.readUInt16BE(at) };
}

/** A name and where what follows it begins. */
function readName(message: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  for (let jumps = 0; ; ) {
    const length = message.readUInt8(at);
    if (length >= 0xc0) {
      if (++jumps > maxJumps) throw new RangeError('a DNS name leads in circles');
      end ??= at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
      continue;
    }
    at += 1 + length;
    if (length === 0) return { name: labels.join('.'), end: end ?? at };
    if (length > 63 || at > message.length || labels.length >= 128) throw new RangeError('a DNS name is malformed');
    labels.push(message.toString('latin1', at - length, at));
  }
}
