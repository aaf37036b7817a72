// People written where a policy's name would stand: `alice@example.com`, or `@example.org` for everyone there. Pure.
import type { PolicySetting } from './settings.ts';

const email = /^[a-z0-9._%+'-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/;
const domain = /^@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/;
/** The name of the policy at Cloudflare holds all of them. */
const maxLength = 200;

/** The policy's name as it is kept: lower case, sorted, between commas; undefined when the text is not only people. */
export function peopleName(text: string): string | undefined {
  if (text.length > maxLength) return undefined;
  const people = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((one) => one !== '');
  const isPeople = people.length > 0 && people.every((one) => email.test(one) || domain.test(one));
  return isPeople ? [...new Set(people)].sort().join(',') : undefined;
}

/** The policy of that name: one of the settings, or one that lets in just the people it names; undefined when there is none. */
export function policyNamed(
  name: string,
  policies: Readonly<Record<string, PolicySetting>>,
): PolicySetting | undefined {
  if (Object.hasOwn(policies, name)) return policies[name];
  const people = peopleName(name)?.split(',');
  if (people === undefined) return undefined;
  const emails = people.filter((one) => !one.startsWith('@'));
  const domains = people.filter((one) => one.startsWith('@')).map((one) => one.slice(1));
  return {
    allow: {
      ...(emails.length === 0 ? {} : { emails }),
      ...(domains.length === 0 ? {} : { email_domains: domains }),
    },
  };
}
