// cloudflared's RegistrationServer interface: its ids, and its structs as bytes. Pure. Layouts: tunnelrpc.capnp.
import { ProtocolError } from '../../errors.ts';
import type { StructBuilder } from './builder.ts';
import type { StructReader } from './message.ts';
import type {
  ConnectionDetails,
  ConnectionError,
  ConnectionOptions,
  RegisterConnectionRequest,
  RegisterConnectionResponse,
} from './registration.ts';

/** RegistrationServer. */
export const registrationInterface = 0xf71695ec7fe85497n;

/** Its methods. */
export const registrationMethod = {
  registerConnection: 0,
  unregisterConnection: 1,
  updateLocalConfiguration: 2,
} as const;

const maxFeatures = 64;
const maxText = 1024;

/** Reads registerConnection's parameters. Throws ProtocolError when they cannot be a connector's. */
export function readRegisterRequest(params: StructReader): RegisterConnectionRequest {
  const auth = params.struct(0);
  return {
    auth: { accountTag: shortText(auth, 0, 'accountTag'), tunnelSecret: shortData(auth, 1, 'tunnelSecret') },
    tunnelId: exactly(16, params.data(1), 'tunnelId'),
    connIndex: params.u8(0),
    options: readOptions(params.struct(2)),
  };
}

function readOptions(options: StructReader): ConnectionOptions {
  const client = options.struct(0);
  const features = client.texts(1);
  if (features.length > maxFeatures) throw new ProtocolError(`a connector claims ${features.length} features`);
  return {
    client: {
      clientId: exactly(16, client.data(0), 'clientId'),
      features,
      version: shortText(client, 2, 'version'),
      arch: shortText(client, 3, 'arch'),
    },
    originLocalIp: shortData(options, 1, 'originLocalIp'),
    replaceExisting: options.bit(0),
    compressionQuality: options.u8(1),
    numPreviousAttempts: options.u8(2),
  };
}

function shortText(parent: StructReader, pointer: number, name: string): string {
  const text = parent.text(pointer);
  if (text.length > maxText) throw new ProtocolError(`${name} has ${text.length} characters`);
  return text;
}

function shortData(parent: StructReader, pointer: number, name: string): Uint8Array {
  const bytes = parent.data(pointer);
  if (bytes.length > maxText) throw new ProtocolError(`${name} has ${bytes.length} bytes`);
  return bytes;
}

function exactly(length: number, bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length !== length) throw new ProtocolError(`${name} should have ${length} bytes, not ${bytes.length}`);
  return bytes;
}

/** Writes registerConnection's parameters. */
export function writeRegisterRequest(payload: StructBuilder, request: RegisterConnectionRequest): void {
  const params = payload.struct(0, 1, 3);
  params.u8(0, request.connIndex);
  const auth = params.struct(0, 0, 2);
  auth.text(0, request.auth.accountTag);
  auth.data(1, request.auth.tunnelSecret);
  params.data(1, request.tunnelId);
  writeOptions(params.struct(2, 1, 2), request.options);
}

function writeOptions(options: StructBuilder, from: ConnectionOptions): void {
  options.bit(0, from.replaceExisting);
  options.u8(1, from.compressionQuality);
  options.u8(2, from.numPreviousAttempts);
  const client = options.struct(0, 0, 4);
  client.data(0, from.client.clientId);
  client.texts(1, from.client.features);
  client.text(2, from.client.version);
  client.text(3, from.client.arch);
  options.data(1, from.originLocalIp);
}

const responseTag = { error: 0, details: 1 } as const;

/** Reads registerConnection's results. Throws ProtocolError. */
export function readRegisterResponse(results: StructReader): RegisterConnectionResponse {
  const response = results.struct(0);
  const kind = response.u16(0);
  if (kind === responseTag.error) return { error: readError(response.struct(0)) };
  if (kind === responseTag.details) return { details: readDetails(response.struct(0)) };
  throw new ProtocolError(`a registration answer of unknown kind ${kind}`);
}

function readError(error: StructReader): ConnectionError {
  return { cause: shortText(error, 0, 'cause'), retryAfterNs: error.i64(0), shouldRetry: error.bit(64) };
}

function readDetails(details: StructReader): ConnectionDetails {
  return {
    uuid: exactly(16, details.data(0), 'uuid'),
    locationName: shortText(details, 1, 'locationName'),
    tunnelIsRemotelyManaged: details.bit(0),
  };
}

/** Writes registerConnection's results. */
export function writeRegisterResponse(payload: StructBuilder, response: RegisterConnectionResponse): void {
  const union = payload.struct(0, 0, 1).struct(0, 1, 1);
  if ('details' in response) {
    union.u16(0, responseTag.details);
    writeDetails(union.struct(0, 1, 2), response.details);
  } else {
    union.u16(0, responseTag.error);
    writeError(union.struct(0, 2, 1), response.error);
  }
}

function writeDetails(details: StructBuilder, from: ConnectionDetails): void {
  details.bit(0, from.tunnelIsRemotelyManaged);
  details.data(0, from.uuid);
  details.text(1, from.locationName);
}

function writeError(error: StructBuilder, from: ConnectionError): void {
  error.i64(0, from.retryAfterNs);
  error.bit(64, from.shouldRetry);
  error.text(0, from.cause);
}

/** Reads updateLocalConfiguration's parameters: JSON. */
export function readLocalConfiguration(params: StructReader): Uint8Array {
  return params.data(0);
}

/** Writes updateLocalConfiguration's parameters. */
export function writeLocalConfiguration(payload: StructBuilder, config: Uint8Array): void {
  payload.struct(0, 0, 1).data(0, config);
}

/** Writes parameters or results that hold nothing. */
export function writeNothing(payload: StructBuilder): void {
  payload.struct(0, 0, 0);
}
