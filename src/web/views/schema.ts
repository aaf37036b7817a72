// Small words to write answer schemas with. Pure.

/** A text. */
export const text = { type: 'string' } as const;
/** A text, or null. */
export const optionalText = { type: ['string', 'null'] } as const;
/** Texts. */
export const texts = { type: 'array', items: text } as const;
/** A whole number. */
export const count = { type: 'integer' } as const;
/** Yes or no. */
export const flag = { type: 'boolean' } as const;

/** A JSON Schema, as far as anybody here looks. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** An object with these fields and no others; all of them are there, but the `optional` ones. */
export function shape(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema {
  const required = Object.keys(properties).filter((key) => !optional.includes(key));
  return { type: 'object', additionalProperties: false, required, properties };
}

/** A list of these. */
export function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

/** One of these texts. */
export function oneOf(...values: readonly string[]): JsonSchema {
  return { type: 'string', enum: values };
}

/** What a finding looks like. */
export const findingSchema = shape({ severity: text, code: text, message: text, hint: text, serviceId: text }, [
  'hint',
  'serviceId',
]);
