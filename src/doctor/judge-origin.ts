// What a probe of the origin means, in words: the usual troubles of apps behind a tunnel. Pure; the answer is untrusted.
import type { OriginRequest } from '../model.ts';
import { type Check, failed, passed, warned } from './check.ts';
import type { Answered, Probe } from './probe.ts';

/** What was asked. */
export interface Asked {
  /** As a person may read it, e.g. `http://10.0.0.5:3000`. */
  readonly service: string;
  readonly hostname: string;
  readonly originRequest: OriginRequest;
}

/** The check of one origin. */
export function judgeOrigin(probe: Probe, asked: Asked): Check {
  switch (probe.kind) {
    case 'closed':
      return closed(probe.code, asked);
    case 'silent':
      return failed(
        'origin',
        `${asked.service} takes connections and answers nothing`,
        'look into the service’s own log: it may be starting, or stuck',
      );
    case 'other-protocol':
      return otherProtocol(probe.speaks, asked);
    case 'open':
      return judgeOpen(probe.banner, asked);
    case 'answered':
      return judgeAnswer(probe, asked);
  }
}

function closed(code: string, { service }: Asked): Check {
  switch (code) {
    case 'ECONNREFUSED':
      return failed(
        'origin',
        `nothing listens at ${service}`,
        'check that the service runs, and that the port is the one it listens on inside its container and not only on 127.0.0.1',
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return failed(
        'origin',
        `the name in ${service} does not resolve here`,
        'use an address, or a name this machine knows',
      );
    case 'ENOENT':
      return failed('origin', `there is no socket at ${service}`, 'check the path, and that it is mounted here');
    case 'EACCES':
    case 'EPERM':
      return failed('origin', `this user may not open ${service}`, 'give it the rights, or serve over TCP');
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return failed(
        'origin',
        `${service} cannot be reached from here`,
        'put both on one network, publish the port, or let the firewall pass it',
      );
    default:
      return failed('origin', `${service} cannot be connected to (${code})`, 'check that the service runs');
  }
}

function otherProtocol(speaks: 'http' | 'https' | undefined, { service }: Asked): Check {
  if (speaks !== undefined) return failed('origin', `${service} speaks ${speaks}`, `set the label protocol=${speaks}`);
  return failed(
    'origin',
    `what listens at ${service} does not speak HTTP`,
    'name its protocol (protocol=tcp, ssh, rdp or smb), or another port',
  );
}

function judgeOpen(banner: string, { service }: Asked): Check {
  if (service.startsWith('ssh:') && !banner.startsWith('SSH-'))
    return warned('origin', `${service} is open, but does not greet as an SSH server`, 'check that the port is sshd’s');
  return passed('origin', `${service} takes connections${banner.startsWith('SSH-') ? ' and is an SSH server' : ''}`);
}

function judgeAnswer(answer: Answered, asked: Asked): Check {
  const { service, originRequest } = asked;
  if (answer.distrust !== undefined && originRequest.noTLSVerify !== true)
    return failed(
      'origin',
      `the certificate of ${service} is not trusted (${answer.distrust})`,
      'set origin.noTLSVerify=true where labels.allow.no_tls_verify lets you, or name its CA with origin.caPool',
    );
  if (isLoop(answer, asked))
    return failed(
      'origin',
      `${service} redirects to its own public address, again and again`,
      'it expects HTTPS: set protocol=https, or let it trust the X-Forwarded-Proto header of its proxy',
    );
  if (
    answer.status === 400 &&
    /plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server/i.test(answer.body)
  )
    return otherProtocol('https', asked);
  if (answer.status >= 500)
    return failed('origin', `${service} answers ${answer.status}`, 'look into the service’s own log');
  if (answer.status === 400)
    return warned(
      'origin',
      `${service} answers 400 to a request that comes through a proxy`,
      'it may want to be told to trust its proxy, or another name: try origin.httpHostHeader',
    );
  return passed('origin', `${service} answers ${answer.status}`);
}

/** A redirect to the very page asked for: the app does not see that the visitor already came by HTTPS. */
function isLoop({ status, headers }: Answered, { hostname }: Asked): boolean {
  const location = headers.location;
  if (location === undefined || ![301, 302, 303, 307, 308].includes(status)) return false;
  return location === `https://${hostname}/` || location === `https://${hostname}`;
}
