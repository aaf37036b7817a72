// What is applied as a configuration file that cloudflared runs as it is. Pure.
import { parse } from 'yaml';
import { renderCloudflaredConfig } from '../ingress/cloudflared-file.ts';
import { buildRules } from '../ingress/compile.ts';
import type { IngressEntry, IngressRule } from '../model.ts';
import { type Applied, placeOf } from './applied.ts';
import { comments, withheldLines } from './comment.ts';
import { originNotes } from './origin-notes.ts';
import { withoutUser } from './service-url.ts';

/** What the file says beside the rules. */
export interface CloudflaredInputs {
  readonly applied: Applied;
  readonly tunnelId: string;
  /** Its path; what is in it is never read. */
  readonly credentialsFile: string;
  /** `host:port` of another edge than Cloudflare's. */
  readonly edges?: readonly string[] | undefined;
  /** That edge's CA. */
  readonly caFile?: string | undefined;
}

/** The file as YAML with comments. */
export function exportCloudflared(inputs: CloudflaredInputs): string {
  const { entries, withheld } = inputs.applied;
  const head = [
    'cloudflared.yml, written by `sallyport export cloudflared`.',
    'Run it with: cloudflared tunnel --config cloudflared.yml run',
    ...lockLines(entries),
    ...originNotes(inputs.applied),
    ...withheldLines(withheld),
  ];
  return comments(head) + render(inputs);
}

/** The same without comments, as JSON: cloudflared reads that too. */
export function exportCloudflaredJson(inputs: CloudflaredInputs): string {
  return `${JSON.stringify(parse(render(inputs)), null, 2)}\n`;
}

function render({ applied, tunnelId, credentialsFile, edges, caFile }: CloudflaredInputs): string {
  return renderCloudflaredConfig({
    tunnel: tunnelId,
    credentialsFile,
    settings: {
      ...(edges === undefined || edges.length === 0 ? {} : { edge: atLeastTwo(edges), protocol: 'http2' }),
      ...(caFile === undefined ? {} : { cacert: caFile }),
    },
    ingress: buildRules(applied.entries).map(withoutSecrets),
  });
}

/** With a single address cloudflared dials a failing edge again and again without waiting. */
function atLeastTwo(edges: readonly string[]): readonly string[] {
  return edges.length === 1 ? [...edges, ...edges] : edges;
}

function withoutSecrets(rule: IngressRule): IngressRule {
  return { ...rule, service: withoutUser(rule.service) };
}

/** A configuration file knows nothing of logins. */
function lockLines(entries: readonly IngressEntry[]): readonly string[] {
  const guarded = entries.filter((entry) => entry.access !== 'public');
  if (guarded.length === 0) return [];
  const names = guarded.map((entry) => `- ${placeOf(entry)}: ${entry.access === 'public' ? '' : entry.access.policy}`);
  return ['', 'Who may see these is decided by Access at the edge, not by this file:', ...names];
}
