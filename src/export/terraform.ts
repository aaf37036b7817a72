// What is applied as Terraform for Cloudflare's provider, version 5, ready to take over what exists without making it again. Pure.
import type { Applied } from './applied.ts';
import { comments, withheldLines } from './comment.ts';
import { type Block, Expression, renderBlocks } from './hcl.ts';
import { originNotes } from './origin-notes.ts';
import { accessBlocks } from './terraform-access.ts';
import { configurationBlocks, recordBlocks, tunnelBlocks } from './terraform-tunnel.ts';
import type { TerraformWorld } from './terraform-world.ts';

/** What the file says beside the world. */
export interface TerraformInputs {
  readonly world: TerraformWorld;
  readonly applied: Applied;
  /** Another API than Cloudflare's. */
  readonly apiUrl?: string | undefined;
}

/** The file, and what a reader must know beside it. */
export interface TerraformExport {
  readonly text: string;
  readonly warnings: readonly string[];
}

/** Everything in one file. */
export function exportTerraform({ world, applied, apiUrl }: TerraformInputs): TerraformExport {
  const { blocks: configuration, lost } = configurationBlocks(world);
  const warnings = [
    ...lost.map((what) => `Terraform's provider has no attribute for ${what}: applying would drop it`),
    ...world.leftOut.map(
      (domain) => `the Access application of ${domain} has a policy that is not ours: it is left out`,
    ),
  ];
  const head = [
    'main.tf, written by `sallyport export terraform`.',
    'The API token is read from CLOUDFLARE_API_TOKEN. `terraform plan` shows what would be imported, and that nothing is made again.',
    'Two cannot look after the same objects: stop sallyport before you apply this, or give its names away there.',
    ...(warnings.length === 0 ? [] : ['', 'Careful:', ...warnings.map((warning) => `- ${warning}`)]),
    ...originNotes(applied),
    ...withheldLines(applied.withheld),
  ];
  const blocks: readonly Block[] = [
    ...frameBlocks(world, apiUrl),
    ...tunnelBlocks(world),
    ...configuration,
    ...recordBlocks(world),
    ...accessBlocks(world),
  ];
  return { text: `${comments(head)}\n${renderBlocks(blocks)}`, warnings };
}

function frameBlocks(world: TerraformWorld, apiUrl: string | undefined): readonly Block[] {
  const zones = Object.fromEntries(world.zones.map(({ id, name }) => [name, id]));
  return [
    {
      type: 'terraform',
      body: { required_version: '>= 1.5' },
      blocks: [
        {
          type: 'required_providers',
          body: { cloudflare: { source: 'cloudflare/cloudflare', version: '~> 5.22' } },
        },
      ],
    },
    ...(apiUrl === undefined ? [] : [{ type: 'provider', labels: ['cloudflare'], body: { base_url: apiUrl } }]),
    {
      type: 'variable',
      labels: ['account_id'],
      body: { type: new Expression('string'), default: world.account },
    },
    {
      type: 'variable',
      labels: ['zone_ids'],
      body: { type: new Expression('map(string)'), default: zones },
    },
  ];
}
