// Which of Home Assistant's services the add-on's options publish: found by slug, with or without its repository. Pure.
import type { Diagnostic } from '../../src/model.ts';
import { nearest } from '../../src/nearest.ts';

/** One service of the options that Home Assistant runs. */
export interface Wish {
  /** `homeassistant`, or an add-on's slug. */
  readonly name: string;
  readonly hostname?: string;
  readonly access?: string;
  readonly bypass?: readonly string[];
  readonly port?: number;
  readonly protocol?: 'http' | 'https' | 'tcp' | 'ssh' | 'rdp' | 'smb';
}

/** What can be wished for: a full slug, and the names it also goes by. */
export interface Named {
  readonly slug: string;
  readonly names: readonly string[];
}

/** The wishes by slug, and those that fit nothing or several. */
export function assignWishes(
  wishes: readonly Wish[],
  services: readonly Named[],
): { readonly bySlug: ReadonlyMap<string, Wish>; readonly diagnostics: readonly Diagnostic[] } {
  const bySlug = new Map<string, Wish>();
  const diagnostics: Diagnostic[] = [];
  for (const wish of wishes) {
    const fitting = services.filter(({ slug }) => slug === wish.name);
    const found = fitting.length > 0 ? fitting : services.filter(({ names }) => names.includes(wish.name));
    const [only] = found;
    if (only === undefined) diagnostics.push(nothingCalled(wish.name, services));
    else if (found.length > 1) diagnostics.push(severalCalled(wish.name, found));
    else bySlug.set(only.slug, wish);
  }
  return { bySlug, diagnostics };
}

function nothingCalled(name: string, services: readonly Named[]): Diagnostic {
  const close = nearest(
    name,
    services.flatMap(({ slug, names }) => [slug, ...names]),
  );
  const hint = close === undefined ? 'see `sallyport services`' : `did you mean ${close}?`;
  return problem(`the options publish "${name}", and no add-on is called that`, hint);
}

function severalCalled(name: string, found: readonly Named[]): Diagnostic {
  const slugs = found.slice(0, 10).map(({ slug }) => slug);
  return problem(`the options publish "${name}", and several add-ons are called that`, `name one: ${slugs.join(', ')}`);
}

function problem(message: string, hint: string): Diagnostic {
  return { severity: 'warning', code: 'W_OPTION', message, hint };
}
