// A hostname somebody decides about, as typed: checked, completed, and in one of our zones. Pure.
import { ValidationError } from '../errors.ts';
import type { Settings } from '../settings/settings.ts';
import { normaliseHostname, zoneOf } from './hostname.ts';

/** As hostnames are written everywhere: one without a dot gets the domain appended. Throws ValidationError for what is no hostname of our zones. */
export function readOwnHostname(text: string, { domain, cloudflare }: Pick<Settings, 'domain' | 'cloudflare'>): string {
  const hostname = normaliseHostname(/\../.test(text) ? text : `${text.replace(/\.$/, '')}.${domain}`);
  if (hostname === undefined) {
    throw new ValidationError({
      code: 'E_INPUT_INVALID',
      message: `"${text.slice(0, 80)}" is not a hostname DNS can hold`,
      hint: 'use letters, digits and hyphens, at most 63 per label; a wildcard only as the first label',
    });
  }
  const zones = cloudflare.zones.length > 0 ? cloudflare.zones : withParents(domain);
  if (zoneOf(hostname, zones) !== undefined) return hostname;
  throw new ValidationError({
    code: 'E_ZONE_UNKNOWN',
    message: `${hostname} is in none of the zones`,
    where: cloudflare.zones.length > 0 ? zones.join(', ') : `the zone of ${domain}`,
    hint: 'choose a hostname in one of them, or add its zone to cloudflare.zones',
  });
}

/** Which of them is the zone only the API knows. */
function withParents(domain: string): readonly string[] {
  const labels = domain.split('.');
  return labels.map((_, at) => labels.slice(at).join('.'));
}
