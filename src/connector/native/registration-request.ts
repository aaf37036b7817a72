// The registration a connection sends. Pure.
import { isIPv4 } from 'node:net';
import type { TunnelCredentials } from '../../model.ts';
import type { RegisterConnectionRequest } from '../../protocol/capnp/registration.ts';
import { uuidToBytes } from '../../protocol/credentials.ts';

/** Who registers: the same for all connections of one connector. */
export interface ConnectorIdentity {
  readonly credentials: TunnelCredentials;
  /** A UUID, new for each process. */
  readonly connectorId: string;
  readonly version: string;
  readonly arch: string;
  /** False for one that keeps its own rules: the edge then pushes it none. */
  readonly takesConfiguration: boolean;
}

/** What a connector can do, in cloudflared's names. */
function featuresOf(identity: ConnectorIdentity): readonly string[] {
  return identity.takesConfiguration ? ['allow_remote_config', 'serialized_headers'] : ['serialized_headers'];
}

/** The request of one connection. */
export function registrationRequest(
  identity: ConnectorIdentity,
  connection: { readonly index: number; readonly attempts: number; readonly localAddress: string | undefined },
): RegisterConnectionRequest {
  const { credentials } = identity;
  return {
    auth: { accountTag: credentials.accountTag, tunnelSecret: credentials.tunnelSecret },
    tunnelId: uuidToBytes(credentials.tunnelId),
    connIndex: connection.index,
    options: {
      client: {
        clientId: uuidToBytes(identity.connectorId),
        features: featuresOf(identity),
        version: identity.version,
        arch: identity.arch,
      },
      originLocalIp: addressBytes(connection.localAddress ?? ''),
      replaceExisting: false,
      compressionQuality: 0,
      numPreviousAttempts: Math.min(connection.attempts, 255),
    },
  };
}

/** `linux_amd64`, as Go names them. */
export function goArch(platform: string, arch: string): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
  return `${platform === 'win32' ? 'windows' : platform}_${names[arch] ?? arch}`;
}

/** IPv4 as four bytes. IPv6 is only informative at the edge and is left out rather than parsed. */
function addressBytes(address: string): Uint8Array {
  const v4 = address.startsWith('::ffff:') ? address.slice(7) : address;
  return isIPv4(v4) ? Uint8Array.from(v4.split('.').map(Number)) : new Uint8Array(16);
}
