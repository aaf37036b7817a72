// Whose an Access object is: applications carry a tag of ours, policies and service tokens a name of ours. Pure.
import { createHash } from 'node:crypto';
import type { Owner, ServiceId } from '../model.ts';

/** Cloudflare's limit for a tag's name. */
export const maxTagLength = 35;

const prefix = 'sallyport-';
const hashLength = 8;

/** The tag on every application of this owner. One that would be too long is cut and ends in a hash of the whole id. */
export function ownerTag(owner: string): string {
  const tag = prefix + owner;
  if (tag.length <= maxTagLength) return tag;
  const hash = createHash('sha256').update(owner).digest('hex').slice(0, hashLength);
  return `${tag.slice(0, maxTagLength - hashLength - 1)}-${hash}`;
}

/** Whether the tag is any instance's. */
export function isOwnerTag(tag: string): boolean {
  return tag.startsWith(prefix);
}

/** What we call a policy at Cloudflare: `sallyport owner=home policy=family`. */
export function formatPolicyName(owner: string, name: string): string {
  return `sallyport owner=${owner} policy=${name}`;
}

/** The policy's own name; undefined when it is not this owner's. */
export function parsePolicyName(owner: string, text: string): string | undefined {
  const head = formatPolicyName(owner, '');
  return text.startsWith(head) && text.length > head.length ? text.slice(head.length) : undefined;
}

/** What we call a service token at Cloudflare: `sallyport owner=home token=phone`. */
export function formatTokenName(owner: string, name: string): string {
  return `sallyport owner=${owner} token=${name}`;
}

/** The token's own name; undefined when it is not this owner's. */
export function parseTokenName(owner: string, text: string): string | undefined {
  const head = formatTokenName(owner, '');
  return text.startsWith(head) && text.length > head.length ? text.slice(head.length) : undefined;
}

/** The service of an application that a person renamed. */
export const nobody: ServiceId = 'access/application';

const maxNameLength = 200;

/** What we call an application: what it guards, and the service it is for. */
export function formatApplicationName(domain: string, owner: Owner): string {
  const room = maxNameLength - domain.length - 3;
  const resource = owner.resource.replaceAll(/[^!-~]|[()]/g, '_').slice(0, Math.max(room, 0));
  return resource.includes('/') ? `${domain} (${resource})` : domain;
}

/** The service an application's name ends with; undefined when a person renamed it. */
export function parseApplicationName(text: string): ServiceId | undefined {
  const resource = /\(([!-~]+\/[!-~]+)\)$/.exec(text)?.[1];
  return isServiceId(resource) ? resource : undefined;
}

function isServiceId(text: string | undefined): text is ServiceId {
  return text?.includes('/') === true;
}
