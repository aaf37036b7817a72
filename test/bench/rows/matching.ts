// How much longer a match takes among 10,000 rules than among 10, by kind of rule and as the compiler mixes them.
import { buildRules, compileIngress } from '../../../src/ingress/compile.ts';
import { requestPath } from '../../../src/ingress/match.ts';
import { createIngressTable, type IngressTable } from '../../../src/ingress/table.ts';
import type { IngressEntry, IngressRule } from '../../../src/model.ts';
import type { Figure } from '../figures.ts';
import type { BenchRow, RowResult } from '../row.ts';

const rounds = 15;
const matchesPerRound = 100_000;
const zone = 'bench.test';
const catchAll: IngressRule = { service: 'http_status:404' };

interface Request {
  readonly host: string;
  readonly path: string;
}

interface Kind {
  readonly name: string;
  readonly rules: (count: number) => readonly IngressRule[];
  /** The request that the rule with that number serves. */
  readonly request: (number: number) => Request;
}

const kinds: readonly Kind[] = [
  {
    name: 'exact names',
    rules: (count) => [...numbered(count, (n) => ({ hostname: `s${n}.${zone}`, service: serviceOf(n) })), catchAll],
    request: (n) => ({ host: `s${n}.${zone}`, path: '/some/page' }),
  },
  {
    name: 'wildcards',
    rules: (count) => [...numbered(count, (n) => ({ hostname: `*.w${n}.${zone}`, service: serviceOf(n) })), catchAll],
    request: (n) => ({ host: `any.w${n}.${zone}`, path: '/some/page' }),
  },
  {
    name: 'names with a path',
    rules: (count) => [
      ...numbered(count, (n) => ({ hostname: `p${n}.${zone}`, path: '^/api/', service: serviceOf(n) })),
      catchAll,
    ],
    request: (n) => ({ host: `p${n}.${zone}`, path: '/api/page' }),
  },
  {
    name: 'mixed, as compiled from entries',
    rules: (count) => compiled(count),
    request: (n) => requestOfEntry(n),
  },
];

/** Nanoseconds per match and their ratio. Of the fastest rounds: whatever else the machine does only ever adds. */
export const matching: BenchRow = {
  name: 'matching',
  title: 'Matching a request among 10,000 rules against among 10',
  async run(): Promise<RowResult> {
    return {
      figures: kinds.flatMap(measure),
      notes: [
        `the fastest of ${rounds} rounds of ${matchesPerRound} requests each in turn; host and path strings are new for every request, as a connection's are`,
      ],
    };
  },
};

function measure(kind: Kind): Figure[] {
  const few = trial(kind, 10);
  const many = trial(kind, 10_000);
  for (let warm = 0; warm < 3; warm++) [few(), many()];
  const pairs = Array.from({ length: rounds }, () => [few(), many()] as const);
  const [ofFew, ofMany] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
  return [
    { what: `${kind.name}: among 10`, value: Math.min(...ofFew), unit: 'ns' },
    { what: `${kind.name}: among 10,000`, value: Math.min(...ofMany), unit: 'ns' },
    {
      what: `${kind.name}: 10,000 / 10`,
      value: Math.min(...ofMany) / Math.min(...ofFew),
      unit: '×',
      target: { atMost: 2 },
    },
  ];
}

/** A round: gives nanoseconds per match. */
function trial(kind: Kind, count: number): () => number {
  const table = createIngressTable(kind.rules(count));
  return () => {
    const requests = Array.from({ length: matchesPerRound }, (_, at) =>
      fresh(kind.request(at % 100 === 0 ? count + at : (at * 7919) % count)),
    );
    const begun = process.hrtime.bigint();
    const sum = matchAll(table, requests);
    const took = Number(process.hrtime.bigint() - begun);
    if (sum <= 0) throw new Error('nothing matched');
    return took / matchesPerRound;
  };
}

function matchAll(table: IngressTable, requests: readonly Request[]): number {
  let sum = 0;
  for (const { host, path } of requests) sum += table.match(host, requestPath(path)).index;
  return sum;
}

/** A copy whose hash nobody has computed yet: that is part of what a lookup costs. */
function fresh({ host, path }: Request): Request {
  return { host: Buffer.from(host).toString('latin1'), path: Buffer.from(path).toString('latin1') };
}

function numbered<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

function serviceOf(n: number): string {
  return `http://10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:8080`;
}

/** Of ten entries seven have a name alone, one a path under it, one a wildcard, one a deeper name. */
function ruleOfEntry(n: number): IngressRule & { readonly hostname: string } {
  const service = serviceOf(n);
  switch (n % 10) {
    case 7:
      return { hostname: `s${n - 1}.${zone}`, path: '^/api(/|$)', service };
    case 8:
      return { hostname: `*.s${n}.${zone}`, service };
    case 9:
      return { hostname: `a.b.s${n}.${zone}`, service };
    default:
      return { hostname: `s${n}.${zone}`, service };
  }
}

function requestOfEntry(n: number): Request {
  const { hostname, path } = ruleOfEntry(n);
  return { host: hostname.replace('*', 'any'), path: path === undefined ? '/some/page' : '/api/page' };
}

function compiled(count: number): readonly IngressRule[] {
  const entries = numbered(
    count,
    (n): IngressEntry => ({
      serviceId: `docker/s${n}`,
      plugin: 'generic',
      rule: ruleOfEntry(n),
      access: 'public',
      explicit: true,
    }),
  );
  const context = { zones: [zone], tunnelTarget: 'tunnel.cfargotunnel.com', owner: 'bench', previous: [] };
  return buildRules(compileIngress(entries, context).desired.ingress);
}
