// A manifest's text to what is known of the app. Pure; the text may be a stranger's, so nothing in it costs more than its length.
import { isMap, isScalar, parseDocument, visit } from 'yaml';
import { PluginError } from '../errors.ts';
import { originOptionsSchema, originRequestOf } from '../sources/origin-options.ts';
import { parse, schemaOf } from '../validate.ts';
import type { PluginManifest } from './catalogue.ts';
import manifestSchema from './manifest.schema.json' with { type: 'json' };
import { elsewhere } from './origin.ts';

/** The longest manifest and fixture that is read. */
export const maxYamlBytes = 64 * 1024;

const { $schema: _draft, properties, ...rest } = manifestSchema;
const ingress = {
  ...properties.ingress,
  properties: { ...properties.ingress.properties, originRequest: originOptionsSchema },
};
const schema = schemaOf<PluginManifest>({ ...rest, properties: { ...properties, ingress } });

/** What the meaning of a manifest depends on besides its text. */
export const manifestRules: unknown = schema.schema;

/** The manifest of the plugin in the folder `id`; throws PluginError or ValidationError saying what is wrong. */
export function parseManifest(text: string, id: string, where: string): PluginManifest {
  if (Buffer.byteLength(text) > maxYamlBytes) throw invalid(`plugin.yaml is longer than ${maxYamlBytes} bytes`);
  const value = parse(schema, readYaml(text), { where, code: 'E_PLUGIN_INVALID' });
  if (value.id !== id) throw invalid(`its id is "${value.id}", its folder "${id}"`, 'give both the same name');
  const originRequest = value.ingress?.originRequest;
  if (originRequest === undefined) return value;
  const foreign = elsewhere.find((key) => originRequest[key] !== undefined);
  if (foreign !== undefined)
    throw invalid(`originRequest.${foreign} leads elsewhere than the app`, 'write it on the service that needs it');
  return { ...value, ingress: { ...value.ingress, originRequest: originRequestOf(originRequest) } };
}

/** One document without aliases, which a manifest does not need and which grow without bound when they are nested. */
function readYaml(text: string): unknown {
  // The parser's own look for repeated keys compares each with each: a minute for what fits into a manifest.
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
  if (document.errors.length > 0) throw invalid(`plugin.yaml: ${whatIsBroken(text)}`);
  const repeated = findRepeated(document);
  if (repeated !== undefined) throw invalid(`plugin.yaml: the key "${repeated}" is written twice`);
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    if (error instanceof ReferenceError) throw invalid(`plugin.yaml: ${error.message.split('\n')[0]}`);
    throw error;
  }
}

/** Parsed once more for the line, which costs time that good manifests need not pay. */
function whatIsBroken(text: string): string {
  const document = parseDocument(text, { uniqueKeys: false, logLevel: 'error' });
  const message = document.errors[0]?.message.split('\n')[0]?.replace(/:$/, '') ?? '';
  return /call stack/.test(message) ? 'it is nested too deeply' : message;
}

function findRepeated(document: ReturnType<typeof parseDocument>): string | undefined {
  let repeated: string | undefined;
  visit(document, {
    Map(_key, node) {
      if (!isMap(node)) return undefined;
      const seen = new Set<string>();
      for (const { key } of node.items) {
        // A node's own toString writes YAML, which takes as long as everything else here.
        const name = String(isScalar(key) ? key.value : key).slice(0, 100);
        if (seen.has(name)) repeated = name;
        seen.add(name);
      }
      return repeated === undefined ? undefined : visit.BREAK;
    },
  });
  return repeated;
}

/** An error of a plugin's folder. */
export function invalid(message: string, hint?: string): PluginError {
  return new PluginError({ code: 'E_PLUGIN_INVALID', message, hint });
}
