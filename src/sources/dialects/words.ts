// Lists in labels. Pure.

/** The words between commas, without the empty ones. */
export function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
