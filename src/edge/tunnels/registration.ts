// Decides whether a connector may serve a tunnel, and answers its calls on the control stream.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { ProtocolError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { RegisterConnectionRequest, RegisterConnectionResponse } from '../../protocol/capnp/registration.ts';
import { serveRegistration } from '../../protocol/capnp/registration-server.ts';
import { bytesToUuid, uuidToBytes } from '../../protocol/credentials.ts';
import type { EdgeDirectory, EdgeTunnel } from '../model.ts';
import { location } from '../ray.ts';
import type { Registry } from './registry.ts';
import type { TunnelConnection } from './tunnel-connection.ts';

/** What registration needs. */
export interface RegistrationContext {
  readonly directory: EdgeDirectory;
  readonly registry: Registry<TunnelConnection>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Called once per connection that was accepted. */
  onRegistered(connection: TunnelConnection): void;
}

/** What a connector claims about itself is shown to people: enough for an honest one. */
const maxFeatures = 64;
const maxText = 128;

/** cloudflared retries for ever on a cause that contains "Unauthorized", and ends its process on most others. */
const unauthorized = 'Unauthorized: Invalid tunnel secret';
/** cloudflared's word for a connection that exists already; it then tries another address. */
const duplicate = 'EDUPCONN';

/** Serves the control stream of a fresh connection; resolves when that stream is over. */
export async function register(connection: TunnelConnection, context: RegistrationContext): Promise<void> {
  const server = serveRegistration(
    connection.control,
    {
      registerConnection: async (request) => {
        const response = await decide(connection, request, context);
        // cloudflared logs a refusal and then waits for ever: closing is up to the edge, once the answer is out.
        if ('error' in response) setImmediate(() => connection.close(`refused: ${response.error.cause}`));
        return response;
      },
      unregisterConnection: async () => {
        if (!connection.registered) throw new ProtocolError('the connection is not registered');
        setImmediate(() => connection.drain('the connector unregistered'));
      },
      updateLocalConfiguration: async (config) => {
        if (!connection.registered) throw new ProtocolError('the connection is not registered');
        context.directory.reportLocalConfiguration(connection.info.tunnelId, parseConfiguration(config));
      },
    },
    { clock: context.clock },
  );
  await server.closed;
  if (server.error !== undefined) context.logger.debug({ err: server.error }, 'control stream of a connector failed');
}

async function decide(
  connection: TunnelConnection,
  request: RegisterConnectionRequest,
  context: RegistrationContext,
): Promise<RegisterConnectionResponse> {
  if (connection.registered) return refusal('the connection is already registered', false);
  const tunnelId = bytesToUuid(request.tunnelId);
  const tunnel = context.directory.tunnel(tunnelId);
  if (!isAuthorized(tunnel, request)) {
    context.logger.warn(
      { tunnel: tunnelId, remote: connection.remoteAddress },
      'connector refused: wrong tunnel or secret',
    );
    return refusal(unauthorized, true);
  }
  const clientId = bytesToUuid(request.options.client.clientId);
  if (await isTaken(tunnelId, clientId, request, context)) return refusal(duplicate, true);
  // Looking for a duplicate may have taken a while.
  if (connection.closed || connection.registered) return refusal(duplicate, true);
  return accept(connection, { tunnel, request, clientId, context });
}

/** Compares digests, so that neither content nor length of the secret shows in the time it takes. */
function isAuthorized(tunnel: EdgeTunnel | undefined, request: RegisterConnectionRequest): tunnel is EdgeTunnel {
  const expected = tunnel === undefined ? new Uint8Array() : tunnel.secret;
  const same = timingSafeEqual(digest(expected), digest(request.auth.tunnelSecret));
  return same && tunnel !== undefined && tunnel.secret.length > 0 && tunnel.accountTag === request.auth.accountTag;
}

function digest(secret: Uint8Array): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** One connection per tunnel, connector and index; one that only looks alive makes room for its successor. */
async function isTaken(
  tunnelId: string,
  clientId: string,
  request: RegisterConnectionRequest,
  context: RegistrationContext,
): Promise<boolean> {
  const existing = context.registry.find(tunnelId, clientId, request.connIndex);
  if (existing === undefined) return false;
  if (request.options.replaceExisting) existing.destroy('replaced by its connector');
  else await existing.holds();
  return context.registry.find(tunnelId, clientId, request.connIndex) !== undefined;
}

interface Acceptance {
  readonly tunnel: EdgeTunnel;
  readonly request: RegisterConnectionRequest;
  readonly clientId: string;
  readonly context: RegistrationContext;
}

function accept(connection: TunnelConnection, acceptance: Acceptance): RegisterConnectionResponse {
  const { tunnel, request, clientId, context } = acceptance;
  const { client } = request.options;
  const id = randomUUID();
  connection.register({
    id,
    tunnelId: tunnel.id,
    clientId,
    connIndex: request.connIndex,
    version: client.version.slice(0, maxText),
    arch: client.arch.slice(0, maxText),
    features: client.features.slice(0, maxFeatures).map((feature) => feature.slice(0, maxText)),
    originIp: connection.remoteAddress,
    location,
    openedAt: new Date(context.clock.now()),
  });
  context.registry.add(connection);
  context.onRegistered(connection);
  const details = { uuid: uuidToBytes(id), locationName: location, tunnelIsRemotelyManaged: tunnel.remotelyManaged };
  return { details };
}

function refusal(cause: string, shouldRetry: boolean): RegisterConnectionResponse {
  return { error: { cause, retryAfterNs: 0n, shouldRetry } };
}

function parseConfiguration(config: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(config).toString('utf8'));
  } catch (cause) {
    throw new ProtocolError('the local configuration is not JSON', cause);
  }
}
