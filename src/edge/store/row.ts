// Reads typed values out of database rows; a value of the wrong type means a damaged or foreign file.
import { AppError } from '../../errors.ts';

/** A row as node:sqlite returns it. */
export type Row = Readonly<Record<string, unknown>>;

/** A text column. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw damaged(column);
  return value;
}

/** A text column that may be NULL. */
export function optionalText(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** An integer column. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw damaged(column);
  return value;
}

/** A blob column. */
export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw damaged(column);
  return value;
}

/** A text column holding JSON. */
export function json(row: Row, column: string): unknown {
  try {
    return JSON.parse(text(row, column));
  } catch (cause) {
    throw cause instanceof AppError ? cause : damaged(column, cause);
  }
}

function damaged(column: string, cause?: unknown): AppError {
  return new AppError({
    code: 'E_STATE',
    message: `the edge's database holds an unexpected value in column "${column}"`,
    hint: 'restore the file from a copy, or move it away to start with an empty one',
    cause,
  });
}
