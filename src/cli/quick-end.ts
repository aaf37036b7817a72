// When a quick tunnel ends, as a person reads it. Pure.

/** `until Ctrl-C`, or with a limit `until 14:05 or Ctrl-C`; the day is named when it is another one. Times of this machine's clock. */
export function untilText(now: Date, endsAt: Date | undefined): string {
  if (endsAt === undefined) return 'until Ctrl-C';
  const time = `${two(endsAt.getHours())}:${two(endsAt.getMinutes())}`;
  // Of a limit of seconds the minute says too little.
  const exact = endsAt.getTime() - now.getTime() < 120_000 ? `${time}:${two(endsAt.getSeconds())}` : time;
  return `until ${now.toDateString() === endsAt.toDateString() ? '' : `${dayOf(endsAt)} `}${exact} or Ctrl-C`;
}

function dayOf(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(part: number): string {
  return String(part).padStart(2, '0');
}
