// Tunnel tokens and credentials files, as cloudflared reads and writes them. Pure. No error ever quotes its input: it is secret.
import { ProtocolError, ValidationError } from '../errors.ts';
import type { TunnelCredentials } from '../model.ts';
import { parse, type Schema, schemaOf } from '../validate.ts';

/** Credentials, and the edge region (`us`, `fed`) they are bound to when they are bound to one. */
export interface BoundCredentials extends TunnelCredentials {
  readonly endpoint?: string;
}

const base64 = '^[A-Za-z0-9+/]+={0,2}$';
const uuid = '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
const accountTag = { type: 'string', minLength: 1, maxLength: 256 };
const tunnelSecret = { type: 'string', pattern: base64, maxLength: 4096 };
const tunnelId = { type: 'string', pattern: uuid };
const endpoint = { type: 'string', maxLength: 64 };

/** Short names, since the token is typed and pasted. */
interface TokenFields {
  readonly a: string;
  readonly s: string;
  readonly t: string;
  readonly e?: string;
}

const tokenSchema: Schema<TokenFields> = schemaOf({
  type: 'object',
  required: ['a', 's', 't'],
  properties: { a: accountTag, s: tunnelSecret, t: tunnelId, e: endpoint },
});

interface FileFields {
  readonly AccountTag: string;
  readonly TunnelSecret: string;
  readonly TunnelID: string;
  readonly Endpoint?: string;
}

const fileSchema: Schema<FileFields> = schemaOf({
  type: 'object',
  required: ['AccountTag', 'TunnelSecret', 'TunnelID'],
  properties: { AccountTag: accountTag, TunnelSecret: tunnelSecret, TunnelID: tunnelId, Endpoint: endpoint },
});

const maxLength = 16_384;

/** Reads a tunnel token: base64 of `{"a":account,"s":secret,"t":tunnel id,"e"?:endpoint}`. Throws ValidationError. */
export function parseToken(text: string): BoundCredentials {
  const where = 'tunnel token';
  const trimmed = text.trim();
  const hint = 'copy it whole from the dashboard or from `tunnel token NAME`';
  if (trimmed.length > maxLength || !new RegExp(base64).test(trimmed))
    throw new ValidationError({ code: 'E_TUNNEL', message: 'Provided Tunnel token is not valid.', where, hint });
  const json = parseJson(Buffer.from(trimmed, 'base64').toString('utf8'), where, hint);
  const fields = parse(tokenSchema, json, { where, code: 'E_TUNNEL' });
  return credentials({ AccountTag: fields.a, TunnelSecret: fields.s, TunnelID: fields.t, Endpoint: fields.e ?? '' });
}

/** The inverse of parseToken, byte for byte what Cloudflare's API would give. */
export function formatToken(credentials: BoundCredentials): string {
  const fields = {
    a: credentials.accountTag,
    s: Buffer.from(credentials.tunnelSecret).toString('base64'),
    t: credentials.tunnelId,
    e: credentials.endpoint,
  };
  return Buffer.from(JSON.stringify(fields)).toString('base64');
}

/** Reads a credentials file's text; `where` is its path. Keys we do not know are cloudflared's business. Throws ValidationError. */
export function parseCredentialsFile(text: string, where: string): BoundCredentials {
  const hint = 'it should be the file `tunnel create` wrote';
  const json = parseJson(text.slice(0, maxLength), where, hint);
  return credentials(parse(fileSchema, json, { where, code: 'E_TUNNEL' }));
}

/** The inverse of parseCredentialsFile. Write it with mode 0600 or 0400. */
export function formatCredentialsFile(credentials: BoundCredentials): string {
  const fields = {
    AccountTag: credentials.accountTag,
    TunnelSecret: Buffer.from(credentials.tunnelSecret).toString('base64'),
    TunnelID: credentials.tunnelId,
    Endpoint: credentials.endpoint,
  };
  return JSON.stringify(fields);
}

/** The parser's own message is left out: it quotes the text. */
function parseJson(text: string, where: string, hint: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ValidationError({ code: 'E_TUNNEL', message: 'these are not tunnel credentials: no JSON', where, hint });
  }
}

function credentials(fields: FileFields): BoundCredentials {
  const base = {
    accountTag: fields.AccountTag,
    tunnelId: fields.TunnelID.toLowerCase(),
    tunnelSecret: new Uint8Array(Buffer.from(fields.TunnelSecret, 'base64')),
  };
  return fields.Endpoint === undefined || fields.Endpoint === '' ? base : { ...base, endpoint: fields.Endpoint };
}

/** The 16 bytes of a UUID. Throws ValidationError. */
export function uuidToBytes(text: string): Uint8Array {
  if (!new RegExp(uuid).test(text))
    throw new ValidationError({ code: 'E_INPUT_INVALID', message: `"${text.slice(0, 64)}" is not a UUID` });
  return new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex'));
}

/** The UUID of 16 bytes, in lower case. Throws ProtocolError for another length. */
export function bytesToUuid(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw new ProtocolError(`a UUID has 16 bytes, not ${bytes.length}`);
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
