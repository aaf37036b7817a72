// The JSON Schemas that Access endpoints share, and how a body becomes what the store takes. Pure.
import type { AppPolicyInput } from '../../store/access/app-policies.ts';
import type { PolicyInput } from '../../store/access/policies.ts';
import type { Decision, KeptFields } from '../../store/access/tables.ts';

/** A text that is not endless. */
export const shortText = { type: 'string', maxLength: 1_024 };
/** A list of rules; which selectors there are, the store checks. */
export const ruleList = { type: 'array', nullable: true, maxItems: 1_000, items: { type: 'object' } };
/** A yes or no. */
export const flag = { type: 'boolean' };
/** A list of ids or names. */
export const texts = { type: 'array', nullable: true, maxItems: 1_000, items: shortText };

const object = { type: 'object' };

/** Fields of a policy that Access only keeps and shows. */
const policyOptions = {
  approval_groups: { type: 'array', items: object },
  approval_required: flag,
  connection_rules: object,
  isolation_required: flag,
  mfa_config: object,
  purpose_justification_prompt: { type: 'string', maxLength: 4_096 },
  purpose_justification_required: flag,
};

/** The fields of a policy. */
export const policyProperties = {
  name: shortText,
  decision: { enum: ['allow', 'deny', 'non_identity', 'bypass'] },
  include: { ...ruleList, nullable: false },
  exclude: ruleList,
  require: ruleList,
  session_duration: { type: 'string', nullable: true, maxLength: 64 },
  ...policyOptions,
};

/** JSON Schema of a reusable policy. */
export const policySchema = { type: 'object', required: ['name', 'decision', 'include'], properties: policyProperties };

/** JSON Schema of a policy in an application: its own, or one referred to by its id. */
export const appPolicySchema = {
  type: 'object',
  properties: { ...policyProperties, id: shortText, precedence: { type: 'integer', minimum: 0, maximum: 1_000_000 } },
};

/** A policy as sent. */
export interface PolicyBody {
  readonly name: string;
  readonly decision: Decision;
  readonly include: readonly unknown[];
  readonly exclude?: readonly unknown[] | null;
  readonly require?: readonly unknown[] | null;
  readonly session_duration?: string | null;
}

/** A policy in an application, as sent: its id alone, or an object. */
export type AppPolicyBody = string | (Partial<PolicyBody> & { readonly id?: string; readonly precedence?: number });

/** What the store takes for a policy. */
export function policyInput(body: PolicyBody): PolicyInput {
  const { name, decision, include, exclude, require, session_duration } = body;
  return {
    name,
    decision,
    include,
    ...(exclude === undefined ? {} : { exclude }),
    ...(require === undefined ? {} : { require }),
    ...(session_duration === undefined ? {} : { session_duration }),
    kept: keep(body, policyOptions),
  };
}

/** What the store takes for a policy in an application. */
export function appPolicyInput(body: AppPolicyBody): AppPolicyInput {
  if (typeof body === 'string') return { id: body };
  const { id, precedence, name, decision, include } = body;
  const isWhole = name !== undefined && decision !== undefined && include !== undefined;
  return { id, precedence, own: isWhole ? policyInput({ ...body, name, decision, include }) : undefined };
}

/** The fields of a body that are only kept: those named in `options`. */
export function keep(body: object, options: Readonly<Record<string, unknown>>): KeptFields {
  return Object.fromEntries(Object.entries(body).filter(([key]) => Object.hasOwn(options, key)));
}
