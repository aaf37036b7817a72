// What a visitor got, in words, and whether the lock holds. Pure; the answer is untrusted.
import type { IngressEntry } from '../model.ts';
import { type Check, failed, passed, skipped, warned } from './check.ts';
import type { Visit } from './visit.ts';

/** What the entry promises. */
export interface Promised {
  readonly hostname: string;
  readonly access: IngressEntry['access'];
  readonly isEmbedded: boolean;
}

/** Two checks: whether the edge answers at all, and what a visitor meets. */
export function judgeVisit(visit: Visit, promised: Promised): readonly Check[] {
  if (visit.kind === 'failed')
    return [unreachable(visit.code, promised), skipped('visitor', 'the edge does not answer')];
  return [passed('edge', 'the edge answers'), meets(visit, promised)];
}

function unreachable(code: string, { hostname, isEmbedded }: Promised): Check {
  if (isEmbedded)
    return failed('edge', `the embedded edge does not answer (${code})`, 'start it: `sallyport run`, and see its log');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return failed(
      'dns',
      `${hostname} does not resolve here`,
      'a new name takes a minute or two; check that the zone’s name servers are Cloudflare’s',
    );
  if (
    code.includes('CERT') ||
    code.includes('ALTNAME') ||
    code.startsWith('ERR_TLS') ||
    code.startsWith('ERR_SSL') ||
    code === 'EPROTO'
  )
    return failed(
      'edge',
      `the edge has no certificate for ${hostname} (${code})`,
      'Cloudflare’s free certificates cover one level below the zone: choose a name like app.example.com',
    );
  return failed(
    'edge',
    `the edge does not answer for ${hostname} (${code})`,
    'check this machine’s way to the internet',
  );
}

type Met = Extract<Visit, { readonly kind: 'answered' }>;

function meets(visit: Met, promised: Promised): Check {
  const { hostname, access } = promised;
  if (isLogin(visit)) {
    return access === 'public'
      ? failed(
          'visitor',
          `${hostname} is public, and visitors are asked to log in`,
          'an Access application of somebody else covers it: see `sallyport plan`',
        )
      : passed('visitor', `${hostname} asks visitors to log in`);
  }
  const broken = edgeError(visit, promised);
  if (broken !== undefined) return broken;
  if (access !== 'public' && visit.status !== 401 && visit.status !== 403)
    return failed(
      'visitor',
      `${hostname} lets everybody in, although the policy ${access.policy} guards it`,
      'run `sallyport plan`: its Access application is missing or was changed',
    );
  return visit.status >= 500
    ? warned('visitor', `${hostname} answers ${visit.status}`)
    : passed('visitor', `${hostname} answers ${visit.status}`);
}

function isLogin({ status, headers }: Met): boolean {
  // Whoever looks like no browser is not sent to the login page but told that he needs one.
  if (status === 401 && headers['cf-access-aud'] !== undefined) return true;
  const location = headers.location ?? '';
  return (
    status >= 300 && status < 400 && /^https:\/\/[^/]+\.cloudflareaccess\.com\/|\/cdn-cgi\/access\/login/.test(location)
  );
}

/** Errors of the edge itself: numbers as Cloudflare's pages have them. */
function edgeError({ status, headers, body }: Met, { hostname }: Promised): Check | undefined {
  const isEdges = headers.server === 'cloudflare' || headers.server === 'sallyport';
  if (!isEdges) return undefined;
  if (status === 530 && body.includes('1033'))
    return failed('visitor', `the edge has no connector for ${hostname} (error 1033)`, 'see the connector check');
  if (status === 530) return failed('visitor', `the edge does not know ${hostname} (530)`, 'see the DNS check');
  if (status === 502)
    return failed('visitor', `the connector cannot reach the service behind ${hostname} (502)`, 'see the origin check');
  if (status === 503)
    return failed('visitor', `${hostname} is closed for now (503)`, 'see the service and rule checks');
  return undefined;
}
