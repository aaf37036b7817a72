// A websocket client that carries TCP, as `access tcp` is one, on a stream of the test edge.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import { decodeResponseHeaders } from '../../src/protocol/headers.ts';
import { header, type TestConnection } from '../connector/native/edge.ts';

/** The headers with which an edge asks for a websocket. */
export const handshake = {
  'cf-cloudflared-proxy-connection-upgrade': 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** The client end of a websocket: reads unmasked frames, writes masked ones. */
export class Client {
  readonly stream: ClientHttp2Stream;
  data = Buffer.alloc(0);
  closeCode: number | undefined;
  pongs = 0;
  private rest = Buffer.alloc(0);

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => this.read(chunk));
  }

  send(opcode: number, payload: Buffer): boolean {
    const head = Buffer.alloc(payload.length > 125 ? 14 : 6);
    head[0] = 0x80 | opcode;
    if (payload.length > 125) {
      head[1] = 0xff;
      head.writeBigUInt64BE(BigInt(payload.length), 2);
    } else head[1] = 0x80 | payload.length;
    return this.stream.write(Buffer.concat([head, payload]));
  }

  private read(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    for (;;) {
      const short = (this.rest[1] ?? 0) & 0x7f;
      const size = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.rest.length < size) return;
      const length =
        short === 126 ? this.rest.readUInt16BE(2) : short === 127 ? Number(this.rest.readBigUInt64BE(2)) : short;
      if (this.rest.length < size + length) return;
      const opcode = (this.rest[0] ?? 0) & 0x0f;
      const payload = this.rest.subarray(size, size + length);
      this.rest = this.rest.subarray(size + length);
      if (opcode === 2) this.data = Buffer.concat([this.data, payload]);
      else if (opcode === 8) this.closeCode = payload.readUInt16BE(0);
      else if (opcode === 10) this.pongs++;
    }
  }
}

/** Opens one; further headers, or another host, may be given. */
export async function open(
  connection: TestConnection,
  headers: Readonly<Record<string, string>> = {},
): Promise<Client> {
  const stream = connection.request({ ...handshake, ...headers }, { endStream: false });
  const client = new Client(stream);
  const [answered] = await once(stream, 'response');
  const answer = decodeResponseHeaders(answered);
  assert.equal(answer.upgraded, true);
  assert.equal(header(answer.headers, 'sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  return client;
}
