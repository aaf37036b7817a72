// cloudflared's configuration files: read as cloudflared reads them (YAML, or JSON as the edge pushes it) and written for it. Pure.
import { stringify } from 'yaml';
import { ValidationError } from '../errors.ts';
import type { IngressRule, OriginRequest } from '../model.ts';
import { fileShape, flagShape, pushedShape, type StructShape } from './config-shape.ts';
import { formatGoDuration } from './duration.ts';
import { decodeJson, JsonDecodeError } from './json-decode.ts';
import { decodeYaml } from './yaml-decode.ts';
import { parseYamlTree, YamlSyntaxError } from './yaml-tree.ts';

/** What a configuration says. `originRequest` is the global one: fold it in with `foldOriginRequest` before checking. */
export interface CloudflaredConfig {
  readonly ingress: readonly IngressRule[];
  readonly originRequest: OriginRequest;
  readonly warpRouting: WarpRouting;
  readonly tunnel?: string;
  readonly credentialsFile?: string;
  /** Every other top-level key: the values of cloudflared's command-line flags. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Keys cloudflared does not know, in its words ("line 2: field x not found in type …"). */
  readonly warnings: readonly string[];
  /** There was no document at all: cloudflared acts as if there were no file. */
  readonly isBlank: boolean;
}

/** cloudflared's `warp-routing`; durations are seconds. */
export interface WarpRouting {
  readonly connectTimeout?: number;
  readonly maxActiveFlows?: number;
  readonly tcpKeepAlive?: number;
}

/** Reads a cloudflared YAML file; `where` is its path. Throws ValidationError with cloudflared's message. */
export function parseCloudflaredConfig(text: string, where: string): CloudflaredConfig {
  const refuse = (problem: string) =>
    invalid(`error parsing YAML in config file at ${where}: yaml: ${problem}`, undefined);
  try {
    const root = parseYamlTree(text);
    if (root === undefined) return { ...configOf({}), isBlank: true };
    const { value, settings, errors, unknownFields } = decodeYaml(root, fileShape);
    if (errors.length > 0) throw refuse(`unmarshal errors:\n${errors.map((error) => `  ${error}`).join('\n')}`);
    const credentialsFile = settings['credentials-file'] ?? settings['cred-file'];
    return {
      ...configOf(value),
      ...(typeof value.tunnel === 'string' && value.tunnel !== '' ? { tunnel: value.tunnel } : {}),
      ...(typeof credentialsFile === 'string' ? { credentialsFile } : {}),
      settings,
      warnings: unknownFields,
    };
  } catch (error) {
    if (error instanceof YamlSyntaxError) throw refuse(error.message);
    throw error;
  }
}

/** Reads a configuration as the edge pushes it; `where` names it in the error. Throws ValidationError with Go's message. */
export function parseCloudflaredJson(text: string, where: string): CloudflaredConfig {
  return configOf(readJson(text, pushedShape, where));
}

/** Reads what `cloudflared tunnel ingress validate --json` takes. Throws ValidationError with Go's message. */
export function parseCloudflaredFlag(text: string, where: string): CloudflaredConfig {
  const { Ingress, OriginRequest, WarpRouting } = readJson(text, flagShape, where);
  return configOf({ ingress: Ingress, originRequest: OriginRequest, 'warp-routing': WarpRouting });
}

function readJson(text: string, shape: StructShape, where: string): Readonly<Record<string, unknown>> {
  try {
    return decodeJson(text, shape);
  } catch (error) {
    if (error instanceof JsonDecodeError) throw invalid(error.message, where);
    throw error;
  }
}

/** What is written for a cloudflared process; `settings` are flags such as `metrics` or `no-autoupdate`. */
export interface RenderOptions {
  readonly tunnel: string;
  readonly credentialsFile: string;
  readonly ingress: readonly IngressRule[];
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A cloudflared.yml; reading it back gives the same rules. */
export function renderCloudflaredConfig(options: RenderOptions): string {
  const file = {
    tunnel: options.tunnel,
    'credentials-file': options.credentialsFile,
    ...options.settings,
    ingress: options.ingress.map(renderRule),
  };
  // Quoted, so that no text ("yes", "0x10", "*.example.com") can mean something else to another YAML reader.
  return stringify(file, {
    defaultStringType: 'QUOTE_DOUBLE',
    defaultKeyType: 'PLAIN',
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}

const durations = new Set(['connectTimeout', 'tlsTimeout', 'tcpKeepAlive', 'keepAliveTimeout']);

function renderRule(rule: IngressRule): Record<string, unknown> {
  const { originRequest, ...rest } = rule;
  if (originRequest === undefined) return rest;
  const rendered = Object.entries(originRequest).map(([key, value]) =>
    durations.has(key) && typeof value === 'number' ? [key, formatGoDuration(value)] : [key, value],
  );
  return { ...rest, originRequest: Object.fromEntries(rendered) };
}

/** Both readers hand over what their shape allows, so the types hold here. */
function configOf(value: Readonly<Record<string, unknown>>): CloudflaredConfig {
  return {
    ingress: ((value.ingress ?? []) as Partial<IngressRule>[]).map(ruleOf),
    originRequest: (value.originRequest ?? {}) as OriginRequest,
    warpRouting: (value['warp-routing'] ?? {}) as WarpRouting,
    settings: {},
    warnings: [],
    isBlank: false,
  };
}

function ruleOf(rule: Partial<IngressRule>): IngressRule {
  const { hostname, path, service, originRequest } = rule;
  return {
    ...(hostname === undefined || hostname === '' ? {} : { hostname }),
    ...(path === undefined || path === '' ? {} : { path }),
    service: service ?? '',
    ...(originRequest === undefined || Object.keys(originRequest).length === 0 ? {} : { originRequest }),
  };
}

function invalid(message: string, where: string | undefined): ValidationError {
  return new ValidationError({ code: 'E_INGRESS_INVALID', message, where });
}
