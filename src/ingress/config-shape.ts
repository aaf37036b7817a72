// The shape of a cloudflared configuration as data: the same field list drives the YAML and the JSON reader. Names in messages are cloudflared's.

/** What a value must be. `name` is the type as cloudflared's messages call it. */
export type Shape =
  | { readonly kind: 'string' | 'bool' | 'int' | 'uint' | 'uint64' | 'duration' }
  | { readonly kind: 'list'; readonly of: Shape; readonly name: string }
  | StructShape;

/** An object with known keys; with `open`, other keys are kept as settings instead of being unknown. */
export interface StructShape {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: Readonly<Record<string, Shape>>;
  readonly open?: boolean;
}

const string = { kind: 'string' } as const;
const bool = { kind: 'bool' } as const;
const int = { kind: 'int' } as const;
const uint = { kind: 'uint' } as const;
const duration = { kind: 'duration' } as const;

const ipRule: StructShape = {
  kind: 'struct',
  name: 'config.IngressIPRule',
  fields: { prefix: string, ports: { kind: 'list', of: int, name: '[]int' }, allow: bool },
};

const access: StructShape = {
  kind: 'struct',
  name: 'config.AccessConfig',
  fields: {
    required: bool,
    teamName: string,
    audTag: { kind: 'list', of: string, name: '[]string' },
    environment: string,
  },
};

const originRequest: StructShape = {
  kind: 'struct',
  name: 'config.OriginRequestConfig',
  fields: {
    connectTimeout: duration,
    tlsTimeout: duration,
    tcpKeepAlive: duration,
    noHappyEyeballs: bool,
    keepAliveConnections: int,
    keepAliveTimeout: duration,
    httpHostHeader: string,
    originServerName: string,
    matchSNItoHost: bool,
    caPool: string,
    noTLSVerify: bool,
    disableChunkedEncoding: bool,
    bastionMode: bool,
    proxyAddress: string,
    proxyPort: uint,
    proxyType: string,
    ipRules: { kind: 'list', of: ipRule, name: '[]config.IngressIPRule' },
    http2Origin: bool,
    access,
  },
};

const warpRouting: StructShape = {
  kind: 'struct',
  name: 'config.WarpRoutingConfig',
  fields: { connectTimeout: duration, maxActiveFlows: { kind: 'uint64' }, tcpKeepAlive: duration },
};

const rule: StructShape = {
  kind: 'struct',
  name: 'config.UnvalidatedIngressRule',
  fields: { hostname: string, path: string, service: string, originRequest },
};

const ingress = { kind: 'list', of: rule, name: '[]config.UnvalidatedIngressRule' } as const;

/** A configuration file: every top-level key that is not listed is a command-line flag's value. */
export const fileShape: StructShape = {
  kind: 'struct',
  name: 'config.configFileSettings',
  fields: { tunnel: string, ingress, 'warp-routing': warpRouting, originRequest },
  open: true,
};

/** A configuration as the edge pushes it. */
export const pushedShape: StructShape = {
  kind: 'struct',
  name: 'ingress.RemoteConfigJSON',
  fields: { originRequest, ingress, 'warp-routing': warpRouting },
};

/** A configuration as JSON on the command line: other names for the same, so `warp-routing` is an unknown key there. */
export const flagShape: StructShape = {
  kind: 'struct',
  name: 'config.Configuration',
  fields: { TunnelID: string, Ingress: ingress, WarpRouting: warpRouting, OriginRequest: originRequest },
};
