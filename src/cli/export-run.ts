// What `export` does: looks once, makes the text, writes it, and says on stderr what is not in it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { runningEdgeApi } from '../app/edge-api.ts';
import { type ExportLook, lookForExport } from '../app/export-once.ts';
import { AppError } from '../errors.ts';
import { type Applied, appliedState } from '../export/applied.ts';
import { type CloudflaredInputs, exportCloudflared, exportCloudflaredJson } from '../export/cloudflared.ts';
import { composeExport, renderCompose, renderComposeJson } from '../export/compose.ts';
import { exportTerraform } from '../export/terraform.ts';
import { terraformWorld } from '../export/terraform-world.ts';
import type { Settings } from '../settings/settings.ts';
import { lookAtStateDir } from '../state-dir.ts';
import { credentialsPath } from '../tunnel/credentials-store.ts';
import type { ExportFormat } from './export.ts';
import { type ExportOptions, writeExport } from './export-file.ts';
import { formatFinding } from './finding.ts';
import type { CliIo } from './io.ts';
import { loadForCommand } from './settings-input.ts';
import { printable } from './table.ts';

/** One `export` on the command line. */
export interface ExportRequest {
  readonly format: ExportFormat;
  readonly json: boolean;
  readonly options: ExportOptions;
  readonly program: Command;
  readonly io: CliIo;
}

/** Exports once. */
export async function runExport({ format, json, options, program, io }: ExportRequest): Promise<void> {
  const { loaded, logger } = loadForCommand(program);
  const { settings } = loaded;
  const look = await lookForExport(settings, logger, { withRemote: format === 'terraform' });
  const applied = appliedState(look.pass);
  const { text, warnings } = makers[format]({ look, applied, settings, json });
  writeExport(text, options, io);
  for (const warning of warnings) io.err(`${printable(`warning: ${warning}`)}\n`);
  for (const { what, reason } of applied.withheld) io.err(`${printable(`not exported: ${what}: ${reason}`)}\n`);
  const general = look.pass.diagnostics.filter(({ severity, serviceId }) => severity === 'error' && !serviceId);
  for (const finding of general) io.err(`${formatFinding(finding)}\n`);
}

interface Material {
  readonly look: ExportLook;
  readonly applied: Applied;
  readonly settings: Settings;
  readonly json: boolean;
}

interface Made {
  readonly text: string;
  readonly warnings: readonly string[];
}

const makers: Readonly<Record<ExportFormat, (material: Material) => Made>> = {
  cloudflared: makeCloudflared,
  terraform: makeTerraform,
  compose: makeCompose,
};

function makeCloudflared({ look, applied, settings, json }: Material): Made {
  if (look.tunnelId === undefined) throw noTunnel();
  const { tunnel } = settings.cloudflare;
  const credentialsFile =
    tunnel.kind === 'existing' ? tunnel.credentialsFile : credentialsPath(settings.dataDir, look.tunnelId);
  const inputs: CloudflaredInputs = { applied, tunnelId: look.tunnelId, credentialsFile, ...otherEdge(settings) };
  const warnings = existsSync(credentialsFile)
    ? []
    : [`${credentialsFile} is not there: \`sallyport tunnel token --cred-file\` writes one`];
  return { text: json ? exportCloudflaredJson(inputs) : exportCloudflared(inputs), warnings };
}

/** Where cloudflared has to dial when it is not Cloudflare's edge. */
function otherEdge({ edge, cloudflare, embeddedEdge }: Settings): Pick<CloudflaredInputs, 'edges' | 'caFile'> {
  const { host, port } = embeddedEdge.tunnel;
  const at = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  const isEmbedded = edge === 'embedded' && cloudflare.edge === undefined;
  return {
    edges: isEmbedded ? [`${at}:${port}`] : cloudflare.edge,
    caFile: cloudflare.edgeCaFile ?? (isEmbedded ? join(embeddedEdge.certificatesDir, 'ca.pem') : undefined),
  };
}

function makeTerraform({ look, applied, settings }: Material): Made {
  if (look.remote === undefined) throw new RangeError('terraform is exported with what the API has');
  const world = terraformWorld(applied, look.pass, look.remote);
  const isEmbedded = settings.edge === 'embedded' && settings.cloudflare.apiUrl === undefined;
  const apiUrl = isEmbedded
    ? runningEdgeApi(settings, lookAtStateDir(settings.dataDir)).baseUrl
    : settings.cloudflare.apiUrl;
  return exportTerraform({ world, applied, apiUrl });
}

function makeCompose({ look, applied, settings, json }: Material): Made {
  const exported = composeExport({ applied, labels: settings.labels, route: look.route });
  return { text: json ? renderComposeJson(exported, applied) : renderCompose(exported, applied), warnings: [] };
}

function noTunnel(): AppError {
  return new AppError({
    code: 'E_TUNNEL',
    message: 'there is no tunnel yet',
    where: 'cloudflare.tunnel',
    hint: 'make it with `sallyport apply` or `sallyport run`',
  });
}
