// Names of Terraform resources: made of the thing itself, so that they stay when other things come and go. Pure.
import { createHash } from 'node:crypto';

/** Gives each thing of one resource type its name. */
export type NameResource = (text: string) => string;

/** Names for one resource type; no two are the same. */
export function createNames(): NameResource {
  const given = new Set<string>();
  return (text) => {
    const name = resourceName(text);
    let unique = name;
    for (let count = 2; given.has(unique); count++) unique = `${name}_${count}`;
    given.add(unique);
    return unique;
  };
}

/** `grafana.example.com` → `grafana_example_com`; whatever would lose something on the way ends in a hash of the whole. */
export function resourceName(text: string): string {
  if (/^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$/.test(text)) return text.replaceAll('.', '_');
  const cleaned = text
    .toLowerCase()
    .replaceAll('*', 'any')
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 100);
  const hash = createHash('sha256').update(text.toWellFormed()).digest('hex').slice(0, 8);
  const start = /^[a-z]/.test(cleaned) ? cleaned : `r_${cleaned}`;
  return `${start}_${hash}`;
}
