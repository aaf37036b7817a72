// What `quick` is to serve: a URL as it was given, or what a discovered service would be reached at.
import { createDiscovery } from '../app/discovery.ts';
import { systemClock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Diagnostic, IngressEntry, IngressRule, Service } from '../model.ts';
import type { Settings } from '../settings/settings.ts';

/** The rules for a service found by name. Throws AppError when there is none, or none that may be opened. */
export async function rulesOfService(
  name: string,
  settings: Settings,
  logger: Logger,
): Promise<readonly IngressRule[]> {
  // Asking for it on the command line is the word that is missing where nobody wrote a policy; a policy that is written stays.
  const asked: Settings = { ...settings, accessDefault: settings.accessDefault ?? 'public' };
  const discovery = await createDiscovery({
    settings: () => asked,
    stateDir: undefined,
    env: process.env,
    logger,
    clock: systemClock,
    graceMs: asked.graceMs,
  });
  const listed = await discovery.list.list(AbortSignal.timeout(30_000));
  const service = pick(name, listed.services);
  const wanted = { ...service, hints: { ...service.hints, enable: service.hints.enable ?? true } };
  const { entries, diagnostics } = discovery.route([wanted], []);
  return rulesFor(
    service,
    entries,
    diagnostics.filter((finding) => finding.severity === 'error'),
  );
}

function pick(name: string, services: readonly Service[]): Service {
  const found = services.filter((service) => service.name === name || service.id === name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = services.map((service) => service.name).slice(0, 20);
  throw new AppError({
    code: 'E_INPUT_INVALID',
    message:
      only === undefined ? `there is no service "${name.slice(0, 100)}"` : `several services are called "${name}"`,
    hint:
      only === undefined
        ? `there are ${names.join(', ') || 'none'}; or give a URL like http://localhost:3000`
        : `use one of ${found.map((service) => service.id).join(', ')}`,
  });
}

/** The rules of its first name, for whatever hostname they will be reached by. */
function rulesFor(
  service: Service,
  entries: readonly IngressEntry[],
  problems: readonly Diagnostic[],
): readonly IngressRule[] {
  const own = entries.filter((entry) => entry.rule.hostname === entries[0]?.rule.hostname);
  if (own.length === 0) {
    const [first] = problems;
    throw new AppError({
      code: 'E_INPUT_INVALID',
      message: first?.message ?? `the service "${service.name}" is not to be published`,
      hint: first?.hint ?? 'see `sallyport services`',
    });
  }
  const guarded = own.find((entry) => entry.access !== 'public');
  if (guarded !== undefined && guarded.access !== 'public') {
    throw new AppError({
      code: 'E_NO_POLICY',
      message: `"${service.name}" is guarded by the policy "${guarded.access.policy}", and a quick tunnel has no lock`,
      hint: 'publish it under its own name, or give its URL to open it all the same',
    });
  }
  const rules = own.map(({ rule: { hostname: _hostname, ...rule } }) => rule);
  return rules.at(-1)?.path === undefined ? rules : [...rules, { service: 'http_status:404' }];
}
