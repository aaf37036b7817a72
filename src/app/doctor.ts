// One examination, for `doctor`: what a plan would see, and then everything tried for real. Changes nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, failed, passed, skipped, warned } from '../doctor/check.ts';
import { examine, type Patient } from '../doctor/examine.ts';
import { AppError } from '../errors.ts';
import { createSilentLogger, type Logger } from '../logger.ts';
import type { Diagnostic, Service } from '../model.ts';
import type { PluginCatalogue } from '../plugin/catalogue.ts';
import { loadPlugins } from '../plugin/load.ts';
import type { Settings } from '../settings/settings.ts';
import { builtinPlugins } from './discovery.ts';
import { lookOnce } from './look.ts';
import { type PlannedWorld, withPlan } from './plan-once.ts';

/** What an examination is made with. */
export interface DoctorOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Which services to examine; throws an AppError when there is none such. */
  readonly choose: (patient: Pick<Patient, 'services' | 'entries' | 'diagnostics'>) => readonly Service[];
}

/** Examines everything that concerns the chosen services; rejects only with what `choose` throws and with bugs. */
export async function examineOnce(options: DoctorOptions): Promise<readonly Check[]> {
  const { settings, logger, env } = options;
  const signal = AbortSignal.timeout(120_000);
  const { patient, api } = await look(settings, logger, env);
  const services = options.choose(patient);
  const general = [
    passed('settings', `valid; edge: ${settings.edge}, domain: ${settings.domain}`),
    ...sources(patient),
    ...api,
  ];
  return [...general, ...(await examine({ ...patient, plugins: await knownApps(settings) }, services, signal))];
}

/** What is wrong with plugins was said by whoever looked at the services. */
async function knownApps({ plugins: { dir, allowCode } }: Settings): Promise<PluginCatalogue['plugins']> {
  const logger = createSilentLogger();
  return (await loadPlugins({ builtinDir: builtinPlugins, extraDir: dir, allowCode, logger })).plugins;
}

interface Looked {
  readonly patient: Patient;
  readonly api: readonly Check[];
}

/** With the API when it answers, without it when it does not: what is near can be examined all the same. */
async function look(settings: Settings, logger: Logger, env: DoctorOptions['env']): Promise<Looked> {
  try {
    return await withPlan({ settings, logger, env }, (world) => withApi(settings, world));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { services, desired, diagnostics } = await lookOnce(settings, logger, env);
    const patient = { services, entries: desired.ingress, diagnostics, edge: edgeOf(settings) };
    return { patient, api: [failed('api', error.message, error.hint)] };
  }
}

async function withApi(settings: Settings, { pass, api, place, tunnelId, signal }: PlannedWorld): Promise<Looked> {
  const connectors =
    tunnelId === undefined ? 0 : (await api.tunnels.connections(place.account, tunnelId, signal)).length;
  const patient: Patient = {
    services: pass.services,
    entries: pass.desired.ingress,
    diagnostics: pass.diagnostics,
    plans: pass.plans,
    connectors,
    edge: edgeOf(settings),
  };
  const answers = passed('api', `answers for ${place.zones.join(', ')}`);
  const tunnel =
    tunnelId === undefined ? [failed('api', 'the tunnel does not exist yet', '`sallyport run` makes it')] : [];
  return { patient, api: [answers, ...tunnel] };
}

function edgeOf(settings: Settings): Patient['edge'] {
  if (settings.edge === 'cloudflare') return { kind: 'cloudflare' };
  const { https, certificatesDir } = settings.embeddedEdge;
  return { kind: 'embedded', at: https, ...caOf(certificatesDir) };
}

/** Absent until the edge ran once; then nothing answers there either. */
function caOf(certificatesDir: string): { readonly caPem?: string } {
  try {
    return { caPem: readFileSync(join(certificatesDir, 'ca.pem'), 'utf8') };
  } catch {
    return {};
  }
}

function sources({ services, diagnostics }: Patient): readonly Check[] {
  const general = diagnostics.filter((finding) => finding.serviceId === undefined && finding.severity !== 'info');
  if (services.length === 0 && general.length === 0)
    return [skipped('sources', 'nothing was found: is Docker running, and its socket reachable from here?')];
  if (general.length === 0) return [passed('sources', `${services.length} services found`)];
  return general.map(finding);
}

function finding({ severity, message, hint }: Diagnostic): Check {
  return (severity === 'error' ? failed : warned)('sources', message, hint);
}
