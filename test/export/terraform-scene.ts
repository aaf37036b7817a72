// Exports of Terraform and what is in them, for the tests of its parts.
import { appliedState } from '../../src/export/applied.ts';
import { exportTerraform } from '../../src/export/terraform.ts';
import { type RemoteWorld, terraformWorld } from '../../src/export/terraform-world.ts';
import type { IngressEntry, Plan } from '../../src/model.ts';
import { passOf, remoteOf } from './sample.ts';

/** The account everything is in. */
export const account = 'a'.repeat(32);
/** The id of `example.com`. */
export const zone = 'f'.repeat(32);

/** What is wanted, planned and there. */
export interface Scene {
  readonly entries: readonly IngressEntry[];
  readonly plans?: readonly Plan<unknown>[];
  readonly remote?: Partial<RemoteWorld>;
}

/** The export of a scene. */
export function exported({ entries, plans = [], remote = {} }: Scene) {
  const pass = passOf(entries, plans);
  const applied = appliedState(pass);
  const world = terraformWorld(applied, pass, remoteOf(remote));
  return { world, ...exportTerraform({ world, applied }) };
}

/** `type name` of every resource, and `address ← id` of every import. */
export function outline(text: string): { readonly resources: readonly string[]; readonly imports: readonly string[] } {
  const resources = [...text.matchAll(/^resource "cloudflare_(\w+)" "([\w-]+)" \{$/gm)].map(
    ([, type, name]) => `${type} ${name}`,
  );
  const imports = [...text.matchAll(/^import \{\n {2}to = cloudflare_([\w.-]+)\n {2}id = "([^"]*)"\n\}$/gm)].map(
    ([, to, id]) => `${to} ← ${id}`,
  );
  return { resources, imports };
}
