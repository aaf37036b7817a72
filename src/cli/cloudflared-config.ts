// Finds and reads a cloudflared configuration file, with cloudflared's messages when that fails.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { ValidationError } from '../errors.ts';
import { type CloudflaredConfig, parseCloudflaredConfig } from '../ingress/cloudflared-file.ts';
import { cloudflaredConfigPaths } from '../ingress/config-path.ts';

/** A configuration and the path it was read from. */
export interface FoundConfig {
  readonly path: string;
  readonly config: CloudflaredConfig;
}

/** Larger files are refused unread: 10,000 rules are about 1 MB. */
const maxBytes = 16 * 1024 * 1024;

/** Reads the named file, else the first one in cloudflared's places; undefined when there is none. Throws ValidationError. */
export function readCloudflaredConfig(named: string | undefined): FoundConfig | undefined {
  const path = named ?? cloudflaredConfigPaths(homedir()).find((candidate) => existsSync(candidate));
  if (path === undefined) return undefined;
  const config = parseCloudflaredConfig(readText(path), path);
  return config.isBlank ? undefined : { path, config };
}

function readText(path: string): string {
  try {
    if (statSync(path).size > maxBytes) throw invalid(`${path} is larger than ${maxBytes} bytes`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ValidationError) throw error;
    throw invalid(`open ${path}: ${reason(error)}`, error);
  }
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file or directory';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'is a directory';
  return error instanceof Error ? error.message : String(error);
}

function invalid(message: string, cause?: unknown): ValidationError {
  return new ValidationError({ code: 'E_INGRESS_INVALID', message, cause });
}
