// Who may reach what: each name with its policy, and each policy with whom it lets in. Pure.
import type { AccessSpec, IngressEntry } from '../../model.ts';
import type { PolicySetting, Settings } from '../../settings/settings.ts';
import { flag, type JsonSchema, listOf, optionalText, shape, text, texts } from './schema.ts';

const conditions: JsonSchema = listOf(shape({ kind: text, values: texts }));

/** The schema of what `accessView` gives. */
export const accessFields: Readonly<Record<string, JsonSchema>> = {
  default: optionalText,
  zoneDefault: optionalText,
  policies: listOf(
    shape({ name: text, allow: conditions, require: conditions, exclude: conditions, session: optionalText }),
  ),
  entries: listOf(
    shape({ serviceId: text, hostname: text, policy: text, isPublic: flag, bypassPaths: texts, isKnownPolicy: flag }),
  ),
  people: listOf(shape({ who: text, policies: texts })),
};

/** The matrix of names and policies, and of people and policies. */
export function accessView(
  entries: readonly IngressEntry[],
  settings: Pick<Settings, 'accessDefault' | 'accessZoneDefault' | 'policies'>,
) {
  const { policies } = settings;
  return {
    default: settings.accessDefault ?? null,
    zoneDefault: settings.accessZoneDefault ?? null,
    policies: Object.entries(policies).map(([name, policy]) => ({
      name,
      allow: conditionsOf(policy.allow),
      require: conditionsOf(policy.require),
      exclude: conditionsOf(policy.exclude),
      session: policy.session === undefined ? null : String(policy.session),
    })),
    entries: entries.map(({ serviceId, rule, access }) => ({
      serviceId,
      hostname: rule.hostname + (rule.path ?? ''),
      ...guard(access, policies),
    })),
    people: peopleOf(policies),
  };
}

function guard(access: AccessSpec | 'public', policies: Settings['policies']) {
  if (access === 'public') return { policy: 'public', isPublic: true, bypassPaths: [], isKnownPolicy: true };
  const { policy, bypassPaths = [] } = access;
  // An e-mail address stands for a policy by itself.
  return {
    policy,
    isPublic: false,
    bypassPaths,
    isKnownPolicy: policy.includes('@') || Object.hasOwn(policies, policy),
  };
}

function conditionsOf(conditions: PolicySetting['allow'] | undefined) {
  return Object.entries(conditions ?? {}).map(([kind, value]) => ({
    kind,
    values: Array.isArray(value) ? value.map(String) : [String(value)],
  }));
}

/** Everybody a policy names, and the policies that do. */
function peopleOf(policies: Settings['policies']) {
  const named = Object.entries(policies).flatMap(([policy, { allow }]) =>
    conditionsOf(allow).flatMap(({ kind, values }) =>
      values.map((value) => ({ who: kind === 'everyone' ? 'everyone who can log in' : value, policy })),
    ),
  );
  return [...Map.groupBy(named, ({ who }) => who)].map(([who, all]) => ({
    who,
    policies: all.map(({ policy }) => policy),
  }));
}
