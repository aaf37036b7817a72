// The bench's table as text. Pure.
import { type Figure, formatFigure, formatTarget, meetsTarget } from './figures.ts';
import type { RowReport } from './row.ts';

/** The header of the table. */
export const tableHead = line('', 'measured', 'target', '');

/** One row: its title, a line per figure, then notes and what is missing. */
export function formatRow(report: RowReport): string {
  return [
    `${report.title} [${report.name}, ${report.seconds.toFixed(0)} s]`,
    ...report.figures.map(formatLine),
    ...(report.notes ?? []).map((note) => `    ${note}`),
    ...(report.missing ?? []).map(({ what, reason }) => `  not measured: ${what}: ${reason}`),
    '',
  ].join('\n');
}

/** One line for all rows: how many targets were met, missed, and what was not measured. */
export function formatSummary(reports: readonly RowReport[]): string {
  const verdicts = reports.flatMap(({ figures }) => figures.map(meetsTarget));
  const count = (wanted: boolean) => verdicts.filter((verdict) => verdict === wanted).length;
  const missing = reports.flatMap((report) => report.missing ?? []).length;
  return `${count(true)} targets met, ${count(false)} missed, ${missing} not measured`;
}

function formatLine(figure: Figure): string {
  const verdict = { true: 'met', false: 'MISSED', undefined: '' }[String(meetsTarget(figure))] ?? '';
  return line(figure.what, formatFigure(figure.value, figure.unit), formatTarget(figure), verdict);
}

function line(what: string, measured: string, target: string, verdict: string): string {
  return `  ${what.padEnd(58)}  ${measured.padStart(20)}  ${target.padStart(18)}  ${verdict}`.trimEnd();
}
