// Columns for a person to read. Pure.

/** Rows under a header, each column as wide as its longest cell; control characters in cells are shown, not sent to the terminal. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...lines.map((row) => [...(row[column] ?? '')].length)));
  return `${lines.map((row) => formatRow(row, widths)).join('\n')}\n`;
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length))
    .join('  ')
    .trimEnd();
}

/** Text without anything a terminal would obey. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·');
}
