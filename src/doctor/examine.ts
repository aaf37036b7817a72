// Every check along the path of the entries asked about. Asks through the functions it is given; decides nothing itself.
import { parseServiceUrl } from '../ingress/service-url.ts';
import { shownUrl } from '../ingress/shown-url.ts';
import type { Diagnostic, IngressEntry, Plan, Service } from '../model.ts';
import type { PluginCatalogue, PluginManifest } from '../plugin/catalogue.ts';
import { type Answer, probePaths } from '../plugin/diagnose.ts';
import { genericId } from '../plugin/select.ts';
import { type Check, failed, passed, skipped, warned } from './check.ts';
import { judgeApp } from './judge-app.ts';
import { judgeOrigin } from './judge-origin.ts';
import { judgePlans } from './judge-plan.ts';
import { judgeVisit } from './judge-visit.ts';
import { type Probe, type ProbeOptions, probeOrigin } from './probe.ts';
import { type EdgePlace, visit } from './visit.ts';

/** Everything that is known before anything is tried. */
export interface Patient {
  readonly services: readonly Service[];
  readonly entries: readonly IngressEntry[];
  readonly diagnostics: readonly Diagnostic[];
  /** Absent when the API could not be asked. */
  readonly plans?: readonly Plan<unknown>[];
  /** How many connectors the edge counts on the tunnel; absent when that could not be asked. */
  readonly connectors?: number;
  readonly edge: EdgePlace & { readonly kind: 'embedded' | 'cloudflare' };
  /** What is known of apps. */
  readonly plugins?: PluginCatalogue['plugins'];
}

const timeoutMs = 5_000;
const atOnce = 8;

/** All checks of these services, published or not, in the order of the path. */
export async function examine(
  patient: Patient,
  services: readonly Service[],
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const checks: Check[][] = services.map(() => []);
  const work = services.entries();
  const worker = async () => {
    for (const [index, service] of work) checks[index] = [...(await examineService(patient, service, signal))];
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, services.length) }, worker));
  return checks.flat();
}

async function examineService(patient: Patient, service: Service, signal: AbortSignal): Promise<readonly Check[]> {
  const entries = patient.entries.filter((entry) => entry.serviceId === service.id);
  const about = (checks: readonly Check[], name: string) => checks.map((check) => ({ ...check, about: name }));
  const own = about(serviceChecks(patient, service, entries), service.name);
  const perEntry = await Promise.all(
    entries.map(async (entry) => about(await examineEntry(patient, entry, signal), nameOf(entry))),
  );
  return [...own, ...perEntry.flat()];
}

function nameOf({ rule }: IngressEntry): string {
  return rule.hostname + (rule.path ?? '');
}

function serviceChecks(patient: Patient, service: Service, entries: readonly IngressEntry[]): readonly Check[] {
  const findings = patient.diagnostics.filter(
    (finding) => finding.serviceId === service.id && finding.severity !== 'info',
  );
  const checks = findings.map((finding) =>
    (finding.severity === 'error' ? failed : warned)('service', finding.message, finding.hint),
  );
  if (service.state === 'stopped')
    return [...checks, failed('service', `${service.name} does not run`, 'start it: its name answers 503 until then')];
  if (entries.length === 0 && checks.every(({ outcome }) => outcome !== 'failed'))
    return [
      ...checks,
      failed(
        'service',
        `${service.name} is not published`,
        `add the label that publishes it, or run \`sallyport services expose ${service.name}\``,
      ),
    ];
  if (service.state === 'unhealthy')
    return [
      ...checks,
      warned('service', `${service.name} is unhealthy, its own health check says`, 'look into its log'),
    ];
  return checks.length > 0
    ? checks
    : [passed('service', `${service.name} runs at ${service.address ?? 'no address of its own'}`)];
}

async function examineEntry(patient: Patient, entry: IngressEntry, signal: AbortSignal): Promise<readonly Check[]> {
  const [visited, origin] = await Promise.all([
    visitEntry(patient, entry, signal),
    checkOrigin(patient, entry, signal),
  ]);
  const planned =
    patient.plans === undefined
      ? [skipped('dns', 'the API cannot be asked'), skipped('rule', 'the API cannot be asked')]
      : judgePlans(patient.plans, entry);
  return [...visited, ...planned, checkConnector(patient), origin];
}

/** A wildcard has no name of its own to ask for, and what is behind tcp and ssh does not speak HTTP. */
async function visitEntry({ edge }: Patient, entry: IngressEntry, signal: AbortSignal): Promise<readonly Check[]> {
  const { hostname, path } = entry.rule;
  if (hostname.startsWith('*.')) return [skipped('visitor', `${hostname} is no single name to ask for`)];
  if (path !== undefined) return [skipped('visitor', 'a path rule is a pattern, not a page to ask for')];
  const isEmbedded = edge.kind === 'embedded';
  const visited = await visit(hostname, edge, { timeoutMs, signal });
  return judgeVisit(visited, { hostname, access: entry.access, isEmbedded });
}

async function checkOrigin(patient: Patient, entry: IngressEntry, signal: AbortSignal): Promise<Check> {
  const { rule } = entry;
  const originRequest = rule.originRequest ?? {};
  const target = parseServiceUrl(rule.service, originRequest);
  const asking = { target, originRequest, hostname: rule.hostname, timeoutMs, signal };
  const probe = await probeOrigin(asking);
  if (probe === undefined) return passed('origin', `${rule.service} is answered by the connector itself`);
  const known = manifestsOf(patient, entry);
  const understood = judgeApp(known, await askApp(known, asking, probe), rule.hostname);
  if (understood !== undefined) return understood;
  return judgeOrigin(probe, { service: shownUrl(rule.service), hostname: rule.hostname, originRequest });
}

/** The app's own plugin and the one for any web service; none for a part of a site, whose pages nobody knows. */
function manifestsOf({ plugins }: Patient, { plugin, rule }: IngressEntry): readonly PluginManifest[] {
  if (rule.path !== undefined) return [];
  return [...new Set([plugin, genericId])].flatMap((id) => plugins?.get(id)?.manifest ?? []);
}

/** The answer there is, and those to what else the plugin wants to know; none from behind a certificate that is not trusted. */
async function askApp(
  known: readonly PluginManifest[],
  asking: ProbeOptions,
  probe: Probe,
): Promise<readonly Answer[]> {
  const [own] = known;
  if (own === undefined || probe.kind !== 'answered') return [];
  if (probe.distrust !== undefined && asking.originRequest.noTLSVerify !== true) return [];
  const [first = '/', ...others] = probePaths(own);
  const probes = await Promise.all(others.map((path) => probeOrigin({ ...asking, path })));
  const answers = probes.map((one, at) => (one?.kind === 'answered' ? { ...one, path: others[at] ?? '/' } : undefined));
  return [{ ...probe, path: first }, ...answers.filter((one) => one !== undefined)];
}

function checkConnector({ connectors }: Patient): Check {
  if (connectors === undefined) return skipped('connector', 'the API cannot be asked');
  if (connectors === 0)
    return failed('connector', 'no connector is connected to the tunnel', 'start `sallyport run`, and see its log');
  return passed('connector', `${connectors} connector${connectors === 1 ? ' is' : 's are'} connected`);
}
