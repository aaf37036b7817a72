// `ingress validate` and `ingress rule`: cloudflared's checks on a cloudflared configuration, with its output and exit codes.
import { type Command, Option } from 'commander';
import { ValidationError } from '../errors.ts';
import { type CloudflaredConfig, parseCloudflaredFlag } from '../ingress/cloudflared-file.ts';
import { type GoUrl, GoUrlError, hostnameOf, parseGoUrl } from '../ingress/go-url.ts';
import { compileMatcher, type Match } from '../ingress/match.ts';
import { foldOriginRequest } from '../ingress/origin-request.ts';
import { type CheckedRule, checkRules } from '../ingress/validate.ts';
import { readCloudflaredConfig } from './cloudflared-config.ts';
import type { CliIo } from './io.ts';

/** Adds both commands. `--json` on the root program prints the same as JSON. */
export function addIngressCommands(program: Command, io: CliIo): void {
  const ingress = program.command('ingress').description("check a cloudflared configuration's ingress rules");
  const asJson = () => program.opts<{ json?: boolean }>().json === true;
  ingress
    .command('validate')
    .description("cloudflared's checks on a configuration file")
    .argument('[configuration]', 'with --json: a configuration as JSON, as cloudflared takes it')
    .option('--config <file>', "configuration file (default: cloudflared's places)")
    .addOption(
      new Option('-j, --json-config <json>', 'check this JSON instead of a file').env('TUNNEL_INGRESS_VALIDATE_JSON'),
    )
    .action((configuration: string | undefined, options: ValidateOptions) => {
      // `validate --json '{…}'` is cloudflared's own form; there --json does not ask for JSON output.
      const json = configuration ?? options.jsonConfig;
      const format = asJson() && configuration === undefined ? 'json' : 'text';
      report(io, format, () => validate(options.config, json));
    });
  ingress
    .command('rule')
    .description('which rule a URL would match, counted from 0')
    .argument('<url>', 'a URL with its scheme')
    .option('--config <file>', "configuration file (default: cloudflared's places)")
    .action((url: string, options: { config?: string }) => {
      report(io, asJson() ? 'json' : 'text', () => matchRule(options.config, url));
    });
}

interface ValidateOptions {
  readonly config?: string;
  readonly jsonConfig?: string;
}

/** What a command found, before it is printed. */
interface Outcome {
  /** The lines up to where it ended. */
  readonly lines: readonly string[];
  /** Why it failed; the whole line. */
  readonly error?: string;
  readonly json: Readonly<Record<string, unknown>>;
}

function report(io: CliIo, format: 'text' | 'json', run: () => Outcome): void {
  const { lines, error, json } = attempt(run);
  if (format === 'json') io.out(`${JSON.stringify(error === undefined ? json : { ...json, error }, null, 2)}\n`);
  else for (const line of lines) io.out(`${line}\n`);
  if (error === undefined) return;
  io.err(`${error}\n`);
  io.setExitCode(1);
}

/** A file that cannot be read or is no YAML ends the command before its first line, as in cloudflared. */
function attempt(run: () => Outcome): Outcome {
  try {
    return run();
  } catch (error) {
    if (error instanceof ValidationError) return { lines: [], error: error.message, json: { valid: false } };
    throw error;
  }
}

const noFile =
  'No configuration file was found. Please create one, or use the --config flag to specify its filepath. ' +
  'You can use the help command to learn more about configuration files';

function validate(file: string | undefined, json: string | undefined): Outcome {
  if (json !== undefined) return validateJson(json);
  const found = readCloudflaredConfig(file);
  if (found === undefined) return { lines: [], error: noFile, json: { valid: false } };
  return validateConfig(found.config, found.path);
}

function validateJson(json: string): Outcome {
  const source = 'cmdline flag --json';
  try {
    return validateConfig(parseCloudflaredFlag(json, source), source);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return { lines: [`Validating rules from ${source}`], error: error.message, json: { source, valid: false } };
  }
}

function validateConfig(config: CloudflaredConfig, source: string): Outcome {
  const first = `Validating rules from ${source}`;
  const problem = problemOf(config);
  if (problem !== undefined) return { lines: [first], error: problem, json: { source, valid: false } };
  const lines = config.warnings.length === 0 ? ['OK'] : unusedKeys(config.warnings);
  return { lines: [first, ...lines], json: { source, valid: true, warnings: config.warnings } };
}

function problemOf(config: CloudflaredConfig): string | undefined {
  const checked = checkConfig(config);
  if ('error' in checked) return checked.error;
  if (config.settings.url !== undefined || (process.env.TUNNEL_URL ?? '') !== '')
    return "You can't set the --url flag (or $TUNNEL_URL) when using multiple-origin ingress rules";
  return undefined;
}

function checkConfig(
  config: CloudflaredConfig,
): { readonly rules: readonly CheckedRule[] } | { readonly error: string } {
  try {
    return { rules: checkRules(foldOriginRequest(config.ingress, config.originRequest)) };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return { error: `Validation failed: ${error.message}` };
  }
}

function unusedKeys(warnings: readonly string[]): readonly string[] {
  return [
    'Warning: unused keys detected in your config file. Here is a list of unused keys:',
    'yaml: unmarshal errors:',
    ...warnings.map((warning) => `  ${warning}`),
  ];
}

function matchRule(file: string | undefined, text: string): Outcome {
  const found = readCloudflaredConfig(file);
  const url = parseUrl(text);
  if ('error' in url) return { lines: [], error: url.error, json: {} };
  if (found === undefined) return { lines: [], error: noFile, json: {} };
  const first = `Using rules from ${found.path}`;
  const checked = checkConfig(found.config);
  if ('error' in checked) return { lines: [first], error: checked.error, json: { source: found.path } };
  const match = compileMatcher(checked.rules)(hostnameOf(url.url), url.url.path);
  const rule = describeRule(match);
  const fields = Object.entries(rule).map(([name, value]) => `\t${name}: ${value}`);
  return {
    lines: [first, `Matched rule #${match.index}`, ...fields],
    json: { source: found.path, index: match.index, ...rule },
  };
}

function parseUrl(text: string): { readonly url: GoUrl } | { readonly error: string } {
  try {
    const url = parseGoUrl(text);
    if (hostnameOf(url) === '' && url.scheme === '')
      return { error: `${text} doesn't have a hostname, consider adding a scheme` };
    return { url };
  } catch (error) {
    if (!(error instanceof GoUrlError)) throw error;
    return { error: `${text} is not a valid URL` };
  }
}

function describeRule({ rule }: Match): Readonly<Record<string, string>> {
  const { hostname, path } = rule.rule;
  return {
    ...(hostname === undefined || hostname === '' ? {} : { hostname }),
    ...(path === undefined || path === '' ? {} : { path }),
    service: rule.target.service,
  };
}
