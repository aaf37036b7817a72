// The files cloudflared is started with, readable by this user only: its configuration and the tunnel's credentials.
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { renderCloudflaredConfig } from '../../ingress/cloudflared-file.ts';
import type { IngressRule, TunnelCredentials } from '../../model.ts';
import { formatCredentialsFile } from '../../protocol/credentials.ts';

/** Where they are. */
export interface ConnectorFiles {
  readonly directory: string;
  readonly configFile: string;
  readonly credentialsFile: string;
}

/** Their places under the program's state directory, which is created when missing. */
export async function prepareFiles(stateDir: string): Promise<ConnectorFiles> {
  const directory = join(stateDir, 'cloudflared');
  await writing(directory, async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  });
  return {
    directory,
    configFile: join(directory, 'cloudflared.yml'),
    credentialsFile: join(directory, 'credentials.json'),
  };
}

/** Writes the credentials; the only place where the secret touches the disk on cloudflared's account. */
export async function writeCredentials(files: ConnectorFiles, credentials: TunnelCredentials): Promise<void> {
  await replaceFile(files.credentialsFile, formatCredentialsFile(credentials));
}

/** What cloudflared itself does with an empty list given by its edge; in a file it refuses one. */
const noRules: readonly IngressRule[] = [{ service: 'http_status:503' }];

/** Writes the configuration with these rules. cloudflared reads it only when it starts. */
export async function writeRules(
  files: ConnectorFiles,
  tunnelId: string,
  rules: readonly IngressRule[],
): Promise<void> {
  await replaceFile(
    files.configFile,
    renderCloudflaredConfig({
      tunnel: tunnelId,
      credentialsFile: files.credentialsFile,
      ingress: rules.length === 0 ? noRules : rules,
    }),
  );
}

/** Whole or not at all, so that a cloudflared starting at this moment never reads half a file. */
async function replaceFile(file: string, text: string): Promise<void> {
  const fresh = `${file}.${randomUUID()}.new`;
  await writing(file, async () => {
    await writeFile(fresh, text, { mode: 0o600 });
    await rename(fresh, file);
  });
}

async function writing(where: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    throw new AppError({ code: 'E_STATE', message: `cannot write: ${(cause as Error).message}`, where, cause });
  }
}
