// The settings as a form: their schema, what the file says with secrets masked, and saving.
import type { FastifyInstance } from 'fastify';
import { settingsSchema } from '../../settings/load.ts';
import type { ChangedKey } from '../../settings/reload.ts';
import { Refusal } from '../refusal.ts';
import { errorSchema } from '../schemas.ts';
import type { RouteContext } from '../server.ts';
import { checkFixed, isFixed, maskSettings, secretKeys, unmaskSettings } from '../settings-mask.ts';
import { flag, listOf, optionalText, shape, text, texts } from '../views/schema.ts';

const anything = { type: 'object', additionalProperties: true } as const;
const secrets = secretKeys(settingsSchema.schema);
const refused = { 400: errorSchema, 401: errorSchema, 403: errorSchema, 409: errorSchema };
const savedSchema = shape({
  isPlan: flag,
  changed: listOf(shape({ key: text, needsRestart: flag })),
  needsRestart: flag,
});

/** Adds them. */
export function addSettingsRoutes(app: FastifyInstance, { program, activity, guard }: RouteContext): void {
  const { settingsStore: store } = program;
  const look = {
    summary: 'The settings, secrets masked, and their schema.',
    response: {
      200: shape({
        file: optionalText,
        isWritable: flag,
        values: anything,
        schema: anything,
        decidedElsewhere: texts,
        onlyInFile: texts,
      }),
      ...refused,
    },
  };
  app.get('/api/settings', { schema: look }, () => ({
    file: store.file ?? null,
    isWritable: store.isWritable(),
    values: maskSettings(store.read(), secrets),
    schema: settingsSchema.schema,
    decidedElsewhere: store.decidedElsewhere(),
    onlyInFile: fixedPaths,
  }));
  const save = {
    summary: 'Save the settings as they were shown and changed; what is masked stays as it was.',
    querystring: {
      type: 'object',
      additionalProperties: false,
      properties: { plan: { type: 'boolean', default: false } },
    },
    body: { type: 'object', additionalProperties: false, required: ['values'], properties: { values: anything } },
    response: { 200: savedSchema, ...refused },
  };
  const bodyLimit = 1024 * 1024;
  app.put<{ Body: { values: Record<string, unknown> }; Querystring: { plan: boolean } }>(
    '/api/settings',
    { schema: save, bodyLimit },
    (request) => {
      if (!store.isWritable()) throw notWritable(store.file);
      const before = store.read();
      const values = unmaskSettings(request.body.values, before, secrets);
      checkFixed(before, values);
      const isPlan = request.query.plan;
      const changed = isPlan ? store.check(values) : store.write(values);
      const by = guard.callerOf(request).name;
      const keys = changed.map(({ key }) => key).join(', ');
      if (!isPlan && changed.length > 0) activity.add({ kind: 'action', by, what: `saved settings: ${keys}` });
      return { isPlan, changed: changed.map(shown), needsRestart: changed.some(({ reload }) => reload !== 'hot') };
    },
  );
}

/** Every path of the schema that only the file itself may change. */
const fixedPaths = pathsOf(settingsSchema.schema, '').filter(isFixed);

function pathsOf(schema: Readonly<Record<string, unknown>>, at: string): readonly string[] {
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return Object.entries(properties).flatMap(([key, child]) => [at + key, ...pathsOf(child, `${at}${key}.`)]);
}

function shown({ key, reload }: ChangedKey) {
  return { key, needsRestart: reload !== 'hot' };
}

function notWritable(file: string | undefined): Refusal {
  return new Refusal({
    status: 409,
    code: 'E_CONFLICT',
    message: `the settings file cannot be written${file === undefined ? '' : ` (${file})`}`,
    hint: 'make the file and its folder writable, or edit it where it is kept',
  });
}
