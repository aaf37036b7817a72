// Access applications, their policies and their tag as Terraform blocks. Pure.
import { ownerTag } from '../access/ownership.ts';
import { toApiApplication, toApiPolicy } from '../access/to-api.ts';
import { type Block, Expression, type HclObject, toHcl } from './hcl.ts';
import { importBlock } from './terraform-import.ts';
import { createNames } from './terraform-names.ts';
import type { TerraformApplication, TerraformPolicy, TerraformWorld } from './terraform-world.ts';

const applicationType = 'cloudflare_zero_trust_access_application';
const policyType = 'cloudflare_zero_trust_access_policy';
const sshCaType = 'cloudflare_zero_trust_access_short_lived_certificate';
const tagType = 'cloudflare_zero_trust_access_tag';

/** What the API has of an application and the resource has not. */
const notInProvider: ReadonlySet<string> = new Set([
  'eager_redirect_cookie_setting',
  'use_clientless_isolation_app_launcher_url',
]);

/** Everything of Access; nothing where no exported entry has a policy. */
export function accessBlocks(world: TerraformWorld): readonly Block[] {
  if (world.applications.length === 0) return [];
  const namePolicy = createNames();
  const policies = new Map(world.policies.map(({ wanted }) => [wanted.name, namePolicy(wanted.name)]));
  const nameApplication = createNames();
  return [
    ...tagBlocks(world),
    ...world.policies.flatMap((policy) => policyBlocks(policy, policies.get(policy.wanted.name) ?? '', world)),
    ...world.applications.flatMap((application) =>
      applicationBlocks(application, nameApplication(application.wanted.domain), policies, world),
    ),
  ];
}

function tagBlocks({ account, owner, isTagThere }: TerraformWorld): readonly Block[] {
  const name = ownerTag(owner);
  return [
    ...(isTagThere ? [importBlock(`${tagType}.owner`, `${account}/${name}`)] : []),
    { type: 'resource', labels: [tagType, 'owner'], body: { account_id: new Expression('var.account_id'), name } },
  ];
}

function policyBlocks({ wanted, found }: TerraformPolicy, name: string, world: TerraformWorld): readonly Block[] {
  const fields = toApiPolicy(wanted, world.owner, found);
  return [
    ...(found === undefined ? [] : [importBlock(`${policyType}.${name}`, `${world.account}/${found.id}`)]),
    {
      type: 'resource',
      labels: [policyType, name],
      body: { account_id: new Expression('var.account_id'), ...withoutEmptyLists(toHcl(fields)) },
    },
  ];
}

/** The API gives no rules as an empty list, the resource as none at all. */
function withoutEmptyLists(value: ReturnType<typeof toHcl>): HclObject {
  const entries = Object.entries((value ?? {}) as HclObject);
  return Object.fromEntries(entries.filter(([, item]) => !Array.isArray(item) || item.length > 0));
}

function applicationBlocks(
  { wanted, found }: TerraformApplication,
  name: string,
  policyNames: ReadonlyMap<string, string>,
  world: TerraformWorld,
): readonly Block[] {
  const { policies: _policies, tags, ...fields } = toApiApplication(wanted, [], world.owner, found);
  const known = Object.fromEntries(Object.entries(fields).filter(([key]) => !notInProvider.has(key)));
  const policies = wanted.policies.flatMap((policy, index) => {
    const resource = policyNames.get(policy);
    return resource === undefined
      ? []
      : [{ id: new Expression(`${policyType}.${resource}.id`), precedence: index + 1 }];
  });
  const [own = '', ...others] = tags;
  return [
    ...(found === undefined
      ? []
      : [importBlock(`${applicationType}.${name}`, `accounts/${world.account}/${found.id}`)]),
    {
      type: 'resource',
      labels: [applicationType, name],
      body: {
        account_id: new Expression('var.account_id'),
        ...((toHcl(known) ?? {}) as HclObject),
        policies,
        tags: own === ownerTag(world.owner) ? [new Expression(`${tagType}.owner.name`), ...others] : tags,
      },
    },
    ...(wanted.sshCa === true ? sshCaBlocks(name, found, world) : []),
  ];
}

/** The authority for short-lived SSH certificates; servers trust its key, so it must never be another. */
function sshCaBlocks(name: string, found: TerraformApplication['found'], world: TerraformWorld): readonly Block[] {
  const isThere = found?.sshCa === true;
  return [
    ...(isThere ? [importBlock(`${sshCaType}.${name}`, `accounts/${world.account}/${found.id}`)] : []),
    {
      type: 'resource',
      labels: [sshCaType, name],
      body: { account_id: new Expression('var.account_id'), app_id: new Expression(`${applicationType}.${name}.id`) },
      blocks: [{ type: 'lifecycle', body: { prevent_destroy: true } }],
    },
  ];
}
