// The text operators of listing queries: `name.contains=…`, `comment.absent=…`, `name=starts_with:…`. Pure.

/** One field's operators, case-insensitive; all given ones must hold. */
export interface TextFilter {
  readonly exact?: string;
  readonly contains?: string;
  readonly startswith?: string;
  readonly endswith?: string;
  readonly present?: string;
  readonly absent?: string;
}

/** A query as parsed: one text per key. */
export type TextQuery = Readonly<Record<string, unknown>>;

const operators = ['exact', 'contains', 'startswith', 'endswith', 'present', 'absent'] as const;

/** Collects `field=` (same as exact) and `field.<operator>=` from a query; undefined when the field is not asked about. */
export function textFilter(query: TextQuery, field: string): TextFilter | undefined {
  const found: Partial<Record<(typeof operators)[number], string>> = {};
  const plain = query[field];
  if (typeof plain === 'string') found.exact = plain;
  for (const operator of operators) {
    const value = query[`${field}.${operator}`];
    if (typeof value === 'string') found[operator] = value;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/** Whether a text (null: there is none) passes. */
export function passes(filter: TextFilter, value: string | null): boolean {
  if (filter.present !== undefined && value === null) return false;
  if (filter.absent !== undefined && value !== null) return false;
  const text = (value ?? '').toLowerCase();
  return (
    (filter.exact === undefined || text === filter.exact.toLowerCase()) &&
    (filter.contains === undefined || text.includes(filter.contains.toLowerCase())) &&
    (filter.startswith === undefined || text.startsWith(filter.startswith.toLowerCase())) &&
    (filter.endswith === undefined || text.endsWith(filter.endswith.toLowerCase()))
  );
}

/** The older form, where the operator stands in the value: `contains:shop`; a bare value means equality. */
export function passesPrefixed(wanted: string, value: string): boolean {
  const [, operator, operand] =
    /^(equal|not_equal|starts_with|ends_with|contains)(?:_case_sensitive)?:(.*)$/s.exec(wanted) ?? [];
  const text = value.toLowerCase();
  const needle = (operand ?? wanted).toLowerCase();
  if (operator === 'not_equal') return text !== needle;
  if (operator === 'starts_with') return text.startsWith(needle);
  if (operator === 'ends_with') return text.endsWith(needle);
  if (operator === 'contains') return text.includes(needle);
  return text === needle;
}
