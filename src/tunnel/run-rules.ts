// Which rules a tunnel starts with: those of the configuration file, else the one origin that was named, else none. Pure.
import type { CloudflaredConfig } from '../ingress/cloudflared-file.ts';
import { foldOriginRequest } from '../ingress/origin-request.ts';
import type { IngressRule, OriginRequest } from '../model.ts';

/** The one origin of a tunnel without ingress rules. */
export interface SingleOrigin {
  readonly url?: string | undefined;
  readonly unixSocket?: string | undefined;
  readonly helloWorld?: boolean | undefined;
  readonly originRequest?: OriginRequest | undefined;
}

/** The rules, to be checked by whoever serves them; empty when nothing names an origin. */
export function startingRules(config: CloudflaredConfig | undefined, origin: SingleOrigin): readonly IngressRule[] {
  if (config !== undefined && config.ingress.length > 0) return foldOriginRequest(config.ingress, config.originRequest);
  const service = singleService(origin);
  if (service === undefined) return [];
  const originRequest = { ...config?.originRequest, ...origin.originRequest };
  return [Object.keys(originRequest).length === 0 ? { service } : { service, originRequest }];
}

function singleService({ url, unixSocket, helloWorld }: SingleOrigin): string | undefined {
  if (helloWorld === true) return 'hello_world';
  if (unixSocket !== undefined) return `unix:${unixSocket}`;
  if (url === undefined) return undefined;
  return url.includes('://') || url.startsWith('unix:') ? url : `http://${url}`;
}

/** As many edge addresses as connections are wanted: the same one as often as needed. */
export function edgeSlots(edges: readonly string[], wanted: number): readonly string[] {
  if (edges.length >= wanted) return edges;
  return Array.from({ length: wanted }, (_, index) => edges[index % edges.length] ?? '');
}
