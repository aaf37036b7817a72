// From our Access objects to what is written: everything a person set stays, place and policies are ours. Pure.
import type { ApplicationFields } from '../cloudflare/access-applications.ts';
import type { PolicyFields } from '../cloudflare/access-policies.ts';
import { noLogin } from '../ingress/access-applications.ts';
import type { AccessApplication } from '../model.ts';
import { formatPolicyName, isOwnerTag, ownerTag } from './ownership.ts';
import type { PolicyRules } from './policy-rules.ts';
import { type FoundApplication, type FoundPolicy, isNamedByUs } from './remote.ts';

/** What is written for an application. What a person set on it, and its other tags, stay; `current` is what there is. */
export function toApiApplication(
  wanted: AccessApplication,
  policyIds: readonly string[],
  owner: string,
  current: FoundApplication | undefined,
): ApplicationFields {
  const tag = ownerTag(owner);
  const isRenamed = current !== undefined && !isNamedByUs(current);
  // A path without login is nothing to start from.
  const atFirst = wanted.policies.includes(noLogin) ? { app_launcher_visible: false } : {};
  return {
    ...(current === undefined ? atFirst : pick(current.api, keptOfApplications)),
    type: 'self_hosted',
    name: isRenamed ? current.name : wanted.name,
    domain: wanted.domain,
    destinations: [{ type: 'public', uri: wanted.domain }],
    policies: policyIds.map((id, index) => ({ id, precedence: index + 1 })),
    tags: [tag, ...(current?.api.tags ?? []).filter((one) => !isOwnerTag(one))],
  };
}

/** What is written for a policy. What a person asks of visitors beyond the rules, such as a reason, stays. */
export function toApiPolicy(wanted: PolicyRules, owner: string, current: FoundPolicy | undefined): PolicyFields {
  const { decision, include, require, exclude, session } = wanted;
  return {
    ...pick(current?.api, keptOfPolicies),
    name: formatPolicyName(owner, wanted.name),
    decision,
    include,
    require,
    exclude,
    ...(session === undefined ? {} : { session_duration: formatSession(session) }),
  };
}

/** Seconds as Cloudflare writes them: 86400 → "24h", 5400 → "90m". */
export function formatSession(seconds: number): string {
  if (seconds > 0 && seconds % 3600 === 0) return `${seconds / 3600}h`;
  if (seconds > 0 && seconds % 60 === 0) return `${seconds / 60}m`;
  return Number.isInteger(seconds) ? `${seconds}s` : `${Math.round(seconds * 1000)}ms`;
}

/** What is written to let an application go: all of it as it is, without our tag. */
export function toApiRelease({ api, domain, name, policyIds }: FoundApplication, owner: string): ApplicationFields {
  const destinations = (api.destinations ?? []) as ApplicationFields['destinations'];
  return {
    ...pick(api, keptOfApplications),
    type: 'self_hosted',
    name,
    domain: api.domain ?? domain,
    destinations: destinations.length > 0 ? destinations : [{ type: 'public', uri: api.domain ?? domain }],
    policies: policyIds.map((id, index) => ({ id, precedence: index + 1 })),
    tags: (api.tags ?? []).filter((one) => one !== ownerTag(owner)),
  };
}

const keptOfApplications = [
  'allow_authenticate_via_warp',
  'allow_iframe',
  'allowed_idps',
  'app_launcher_visible',
  'auto_redirect_to_identity',
  'cors_headers',
  'custom_deny_message',
  'custom_deny_url',
  'custom_non_identity_deny_url',
  'custom_pages',
  'eager_redirect_cookie_setting',
  'enable_binding_cookie',
  'http_only_cookie_attribute',
  'logo_url',
  'mfa_config',
  'oauth_configuration',
  'options_preflight_bypass',
  'path_cookie_attribute',
  'read_service_tokens_from_header',
  'same_site_cookie_attribute',
  'service_auth_401_redirect',
  'session_duration',
  'skip_interstitial',
  'use_clientless_isolation_app_launcher_url',
];

const keptOfPolicies = [
  'approval_groups',
  'approval_required',
  'connection_rules',
  'isolation_required',
  'mfa_config',
  'purpose_justification_prompt',
  'purpose_justification_required',
];

function pick(
  from: Readonly<Record<string, unknown>> | undefined,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  const entries = keys.flatMap((key) => {
    const value = from?.[key];
    return value === undefined || value === null ? [] : [[key, value] as const];
  });
  return Object.fromEntries(entries);
}
