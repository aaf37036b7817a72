// The rules tree.test.ts checks, each a function from files to findings, so that they can be tried on a bad sample too.
import { posix } from 'node:path';

/** A file of the repository; `path` is relative to its root. */
export interface TreeFile {
  readonly path: string;
  readonly text: string;
}

/** One import as written. */
export interface Import {
  readonly specifier: string;
  /** The imported names, `*` for everything; empty when only the side effect is wanted. */
  readonly names: readonly string[];
  /** Erased before anything runs. */
  readonly isType: boolean;
}

const statement = /^(?:import|export)\s+(type\s+)?(?:([\w$*{}\s,]+?)\s+from\s+)?'([^'\n]+)'/gm;
const dynamic = /\bimport\(\s*'([^'\n]+)'/g;

/** The imports of a module, re-exports included. */
export function importsOf(text: string): readonly Import[] {
  const found: Import[] = [];
  for (const [, type, clause = '', specifier = ''] of text.matchAll(statement)) {
    const names = namesIn(clause);
    const runtime = names.filter((name) => !name.startsWith('type '));
    const isType = type !== undefined || (names.length > 0 && runtime.length === 0);
    found.push({ specifier, isType, names: isType ? names.map((name) => name.replace(/^type /, '')) : runtime });
  }
  for (const [, specifier = ''] of text.matchAll(dynamic)) found.push({ specifier, names: ['*'], isType: false });
  return found;
}

function namesIn(clause: string): string[] {
  const inside = /\{([^}]*)\}/.exec(clause)?.[1] ?? '';
  const outside = clause.replace(/\{[^}]*\}/, '').split(',');
  const names = [...outside.map((name) => (name.includes('*') ? '*' : name)), ...inside.split(',')];
  return names.map((name) => name.trim().replace(/\s+as\s+.*$/, '')).filter((name) => name !== '');
}

/** A file's imports of other files, as paths from the root. */
function localImports(file: TreeFile): readonly (Import & { readonly target: string })[] {
  return importsOf(file.text)
    .filter((item) => item.specifier.startsWith('.'))
    .map((item) => ({ ...item, target: posix.join(posix.dirname(file.path), item.specifier) }));
}

function isUnder(path: string, places: readonly string[]): boolean {
  return places.some((place) => path === place || path.startsWith(`${place}/`));
}

/** Who may not import whom: files under `from` (but not `except`) must not import files under `to`, not even types. */
export interface LayerRule {
  readonly from: string;
  readonly except?: readonly string[];
  readonly to: readonly string[];
}

/** The architecture's dependency rule. */
export const layerRules: readonly LayerRule[] = [
  {
    from: 'src',
    except: ['src/web', 'src/cli', 'src/app.ts', 'src/main.ts', 'src/sallyport.mjs'],
    to: ['src/web', 'src/cli', 'src/app.ts', 'src/main.ts'],
  },
  { from: 'src/web', to: ['src/cli', 'src/app.ts', 'src/main.ts'] },
  { from: 'src/app.ts', to: ['src/cli', 'src/main.ts'] },
  { from: 'src/cli', to: ['src/main.ts'] },
  { from: 'src/connector', to: ['src/edge', 'src/sources', 'src/plugin', 'src/cloudflare'] },
  { from: 'src/edge', to: ['src/connector', 'src/sources', 'src/plugin', 'src/cloudflare'] },
  { from: 'src/origin', to: ['src/connector', 'src/edge', 'src/sources', 'src/plugin', 'src/cloudflare'] },
  {
    from: 'src/protocol',
    to: ['src/connector', 'src/edge', 'src/origin', 'src/sources', 'src/plugin', 'src/cloudflare'],
  },
  { from: 'src/export', to: ['src/app', 'src/connector', 'src/edge', 'src/origin', 'src/tunnel'] },
  { from: 'src', to: ['addon', 'plugins', 'test'] },
  { from: 'addon', to: ['test'] },
  { from: 'plugins', to: ['test', 'addon'] },
];

/** Imports against a layer rule. */
export function layerFindings(files: readonly TreeFile[], rules: readonly LayerRule[] = layerRules): string[] {
  return rules.flatMap((rule) =>
    files
      .filter((file) => isUnder(file.path, [rule.from]) && !isUnder(file.path, rule.except ?? []))
      .flatMap((file) => localImports(file).map(({ target }) => ({ path: file.path, target })))
      .filter(({ target }) => isUnder(target, rule.to))
      .map(({ path, target }) => `${path} imports ${target}`),
  );
}

/** What a plugin's code imports besides types: it must load from any folder, so nothing. */
export function pluginFindings(files: readonly TreeFile[]): string[] {
  return files
    .filter((file) => isPlugin(file.path))
    .flatMap((file) => importsOf(file.text).map((item) => ({ path: file.path, item })))
    .filter(({ item }) => !item.isType)
    .map(({ path, item }) => `${path} imports ${item.specifier} at run time`);
}

function isPlugin(path: string): boolean {
  return /^plugins\/[^/]+\/plugin\.ts$/.test(path);
}

/** Packages without effects, and of those that have some the names that have none. */
const purePackages: Readonly<Record<string, readonly string[] | 'all'>> = {
  ajv: 'all',
  'ajv-formats': 'all',
  re2js: 'all',
  yaml: 'all',
  'node:assert': 'all',
  'node:buffer': 'all',
  'node:path': 'all',
  'node:querystring': 'all',
  'node:url': 'all',
  'node:util': 'all',
  'node:crypto': ['createHash', 'createHmac', 'timingSafeEqual', 'X509Certificate'],
  'node:http': ['STATUS_CODES'],
  'node:http2': ['constants'],
  'node:net': ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'],
};

const effects: readonly (readonly [RegExp, string])[] = [
  [/\bawait\b/, 'awaits'],
  [/\basync\b/, 'is asynchronous'],
  [/\bset(?:Timeout|Interval|Immediate)\(/, 'sets a timer'],
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, 'reads the time'],
  [/\bMath\.random\(|\brandom(?:UUID|Bytes)\(/, 'is random'],
  [/\bprocess\.(?!platform\b)/, 'uses the process'],
  [/\bfetch\(/, 'uses the network'],
  [/\bconsole\./, 'prints'],
];

/** A file whose header has a sentence "Pure." (or "Pure: …"), or that the architecture names. */
export function isDeclaredPure(file: TreeFile, named: readonly string[]): boolean {
  return named.includes(file.path) || /\bPure[.:;,]/.test(headerOf(file.text));
}

/** The comment lines a file begins with. */
function headerOf(text: string): string {
  const lines = text.split('\n');
  const first = lines[0]?.startsWith('#!') ? 1 : 0;
  const end = lines.findIndex((line, at) => at >= first && !line.startsWith('//'));
  return lines.slice(first, end < 0 ? undefined : end).join('\n');
}

/** Pure files with an effect, of their own or of a file they import at run time; `named` must all exist. */
export function purityFindings(files: readonly TreeFile[], named: readonly string[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const missing = named.filter((path) => !byPath.has(path)).map((path) => `${path} should be pure but does not exist`);
  const pure = files.filter((file) => file.path.startsWith('src/') && isDeclaredPure(file, named));
  return [...missing, ...pure.flatMap((file) => effectsReached(file, byPath))];
}

function effectsReached(start: TreeFile, byPath: ReadonlyMap<string, TreeFile>): string[] {
  const seen = new Set<string>();
  const findings: string[] = [];
  const visit = (file: TreeFile, trail: string) => {
    if (seen.has(file.path)) return;
    seen.add(file.path);
    findings.push(...effectsOf(file).map((effect) => `${trail} ${effect}`));
    for (const { target, isType } of localImports(file)) {
      const next = byPath.get(target);
      if (!isType && next !== undefined) visit(next, `${trail} → ${target}`);
    }
  };
  visit(start, start.path);
  return findings;
}

function effectsOf(file: TreeFile): string[] {
  const packages = importsOf(file.text).filter((item) => !item.isType && !item.specifier.startsWith('.'));
  const impure = packages.filter((item) => !isPureImport(item)).map((item) => `imports ${item.specifier}`);
  const code = withoutComments(file.text);
  return [...impure, ...effects.filter(([pattern]) => pattern.test(code)).map(([, effect]) => effect)];
}

function isPureImport(item: Import): boolean {
  const allowed = purePackages[item.specifier.replace(/^(ajv|yaml|re2js)\/.*$/, '$1')];
  if (allowed === undefined) return false;
  return allowed === 'all' || item.names.every((name) => allowed.includes(name));
}

/** Code only: comments and the text of plain strings blanked out, roughly, which is enough to look for words. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

const declaration = /^export (?:declare )?(?:default|async|function|const|let|class|abstract|interface|type|enum)\b.*$/;

/** Exports without a doc line right above; overloads share the first one's. */
export function docFindings(files: readonly TreeFile[]): string[] {
  return files
    .filter((file) => isUnder(file.path, ['src', 'addon']) && isModule(file.path))
    .flatMap((file) => {
      const lines = file.text.split('\n');
      return lines.flatMap((line, at) =>
        declaration.test(line) && !isDocumented(lines, at)
          ? [`${file.path}:${at + 1} has no doc line: ${line.trim()}`]
          : [],
      );
    });
}

function isDocumented(lines: readonly string[], at: number): boolean {
  const above = lines[at - 1] ?? '';
  const name = /\bfunction (\w+)/.exec(lines[at] ?? '')?.[1];
  if (name !== undefined && above.startsWith(`export function ${name}`)) return true;
  if (!above.endsWith('*/')) return false;
  const start = lines.slice(0, at).findLastIndex((line) => /^\s*\/\*/.test(line));
  return lines[start]?.startsWith('/**') ?? false;
}

function isModule(path: string): boolean {
  return /\.(?:ts|mjs|js)$/.test(path);
}

/** Modules that do not begin with a comment saying what they are for. */
export function headerFindings(files: readonly TreeFile[]): string[] {
  return files
    .filter((file) => isModule(file.path) && headerOf(file.text) === '' && !/^(?:#!.*\n)?\/\*/.test(file.text))
    .map((file) => `${file.path} has no header line`);
}

const bannedNames = ['util', 'utils', 'common', 'helper', 'helpers', 'manager', 'misc'];

/** Files and folders whose name says nothing; and second manifests, which one platform would take for an add-on each. */
export function nameFindings(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const parts = path.split('/').flatMap((part) => part.toLowerCase().split(/[-_.]/));
    const banned = bannedNames.filter((name) => parts.includes(name)).map((name) => `${path} is called "${name}"`);
    const isSecond = /\/config\.(?:ya?ml|json)$/i.test(path) && !path.startsWith('rootfs/');
    return isSecond ? [...banned, `${path} would be read as an add-on's manifest`] : banned;
  });
}

/** Default exports anywhere but in plugins, and files that only pass on what others export. */
export function exportFindings(files: readonly TreeFile[]): string[] {
  return files
    .filter((file) => isModule(file.path))
    .flatMap((file) => [
      ...(/^export default\b/m.test(file.text) && !isPlugin(file.path) ? [`${file.path} has a default export`] : []),
      ...(/^export \*/m.test(file.text) ? [`${file.path} passes on everything another file exports`] : []),
    ]);
}

// Put together here so that this file does not find itself.
const unfinished = new RegExp(`\\b(?:${['TO', 'FIX'].map((start, at) => start + ['DO', 'ME'][at]).join('|')})\\b`);

/** Notes of work left undone. */
export function unfinishedFindings(files: readonly TreeFile[]): string[] {
  return files.flatMap((file) =>
    file.text
      .split('\n')
      .flatMap((line, at) => (unfinished.test(line) ? [`${file.path}:${at + 1}: ${line.trim()}`] : [])),
  );
}

/** Addresses a lock file names: they would bind everyone to the registry of whoever wrote it. */
export function lockFindings(lockFile: string): string[] {
  const found = [...lockFile.matchAll(/"resolved":\s*"([^"]*)"/g)];
  return found.map(([, address]) => `package-lock.json names ${address}`);
}
