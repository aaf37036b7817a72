// cert.pem, what `tunnel login` leaves behind: which account and zone, and the API token for them. Pure. No error ever quotes its input: it is secret.
import { ValidationError } from '../errors.ts';
import { parse, type Schema, schemaOf } from '../validate.ts';

/** A login. The API token must never be logged. */
export interface OriginCert {
  readonly zoneId: string;
  readonly accountId: string;
  readonly apiToken: string;
  /** `fed` for FedRAMP accounts. */
  readonly endpoint?: string;
}

interface CertFields {
  readonly zoneID: string;
  readonly accountID: string;
  readonly apiToken: string;
  readonly endpoint?: string;
}

const id = { type: 'string', minLength: 1, maxLength: 64, pattern: '^[0-9A-Za-z_-]+$' };

const schema: Schema<CertFields> = schemaOf({
  type: 'object',
  required: ['zoneID', 'accountID', 'apiToken'],
  properties: {
    zoneID: id,
    accountID: id,
    apiToken: { type: 'string', minLength: 1, maxLength: 4_096, pattern: '^[!-~]+$' },
    endpoint: { type: 'string', maxLength: 64 },
  },
});

/** Longer files are no login. */
const maxLength = 262_144;

const label = 'ARGO TUNNEL TOKEN';
/** What older logins also put into the file. */
const ignoredLabels = new Set(['CERTIFICATE', 'PRIVATE KEY']);

/** Reads a cert.pem; `where` is its path. Throws ValidationError. */
export function parseOriginCert(text: string, where: string): OriginCert {
  const blocks = pemBlocks(text.slice(0, maxLength));
  const unknown = blocks.find((block) => block.label !== label && !ignoredLabels.has(block.label));
  if (unknown !== undefined) throw refused('there is an unknown block in the certificate', where);
  const [token, second] = blocks.filter((block) => block.label === label);
  if (token === undefined) throw refused('missing token in the certificate', where);
  if (second !== undefined) throw refused('found multiple tokens in the certificate', where);
  const fields = parse(schema, readJson(token.body, where), { where, code: 'E_TUNNEL' });
  const base = { zoneId: fields.zoneID, accountId: fields.accountID, apiToken: fields.apiToken };
  return fields.endpoint === undefined || fields.endpoint === '' ? base : { ...base, endpoint: fields.endpoint };
}

/** The inverse of parseOriginCert. Write it with mode 0600. */
export function formatOriginCert(cert: OriginCert): string {
  const fields = { zoneID: cert.zoneId, accountID: cert.accountId, apiToken: cert.apiToken, endpoint: cert.endpoint };
  const body = Buffer.from(JSON.stringify(fields)).toString('base64');
  const lines = body.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

interface PemBlock {
  readonly label: string;
  readonly body: string;
}

function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: { label: string; lines: string[] } | undefined;
  for (const line of text.split(/\r?\n/)) {
    const begins = /^-----BEGIN ([A-Z0-9 ]{1,64})-----\s*$/.exec(line)?.[1];
    if (begins !== undefined) open = { label: begins, lines: [] };
    else if (open !== undefined && line.startsWith(`-----END ${open.label}-----`)) {
      blocks.push({ label: open.label, body: open.lines.join('') });
      open = undefined;
    } else open?.lines.push(line.trim());
  }
  return blocks;
}

/** The parser's own message is left out: it quotes the text. */
function readJson(body: string, where: string): unknown {
  try {
    return JSON.parse(Buffer.from(body, 'base64').toString('utf8'));
  } catch {
    throw refused('the token in the certificate cannot be read', where);
  }
}

function refused(message: string, where: string): ValidationError {
  const hint = 'it should be the cert.pem of `tunnel login`; run that again';
  return new ValidationError({ code: 'E_TUNNEL', message, where, hint });
}
