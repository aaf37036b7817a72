// Complaints of cloudflared about things we do not use: still in the log, but not where they look like trouble. Pure.
import type { LogLine } from './log-line.ts';

/** Pings through the tunnel, and updating itself, which it is told not to do. */
const always = [/^ICMP proxy /, /ping_group_range/, /^icmp router terminated/, /^update check failed/];

/** It asks Cloudflare's DNS about its edge even when it was given another one. */
const withOwnEdge = [
  /^edge discovery: error looking up Cloudflare edge IPs/,
  /^Please try the following things to diagnose/,
  /^ +(?:\d\. ensure that|Run your system's|See GitHub issue|For example, you could|https:\/\/developers\.cloudflare)/,
  /^Unable to lookup protocol percentage/,
  /^Failed to fetch features/,
  /^Failed to initialize DNS local resolver/,
];

/** The line, at level debug when it is about something that does not matter here. */
export function quietenNoise(line: LogLine, hasOwnEdge: boolean): LogLine {
  const patterns = hasOwnEdge ? [...always, ...withOwnEdge] : always;
  return patterns.some((pattern) => pattern.test(line.message)) ? { ...line, level: 'debug' } : line;
}
