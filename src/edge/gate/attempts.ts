// How often a password may be tried: per network and per person, in memory, bounded.
import { isIPv6 } from 'node:net';

/** Counts attempts. */
export interface LoginAttempts {
  /** Seconds to wait before another attempt, or undefined when one may be made; counts it. */
  take(address: string, email: string): number | undefined;
  /** The attempt was right: it does not count. */
  forgive(address: string, email: string): void;
}

interface Window {
  count: number;
  endsAt: number;
}

const windowMs = 15 * 60_000;
/** Behind a proxy everybody has one address, so a network alone may try more often than a network for one person. */
const limits = { network: 40, networkAndPerson: 8, person: 60 };
const maxWindows = 10_000;

/** No attempts yet. */
export function createLoginAttempts(now: () => number): LoginAttempts {
  const windows = new Map<string, Window>();

  function windowOf(key: string): Window {
    const known = windows.get(key);
    if (known !== undefined && known.endsAt > now()) return known;
    windows.delete(key);
    // The oldest goes first: entries stand in the order of their making.
    const [oldest] = windows.keys();
    if (windows.size >= maxWindows && oldest !== undefined) windows.delete(oldest);
    const fresh = { count: 0, endsAt: now() + windowMs };
    windows.set(key, fresh);
    return fresh;
  }

  function counters(address: string, email: string): readonly (readonly [Window, number])[] {
    const network = networkOf(address);
    return [
      [windowOf(`n ${network}`), limits.network],
      [windowOf(`b ${network} ${email}`), limits.networkAndPerson],
      [windowOf(`p ${email}`), limits.person],
    ];
  }

  return {
    take: (address, email) => {
      const all = counters(address, email);
      const full = all.filter(([window, limit]) => window.count >= limit);
      if (full.length > 0) return Math.ceil((Math.max(...full.map(([window]) => window.endsAt)) - now()) / 1_000);
      for (const [window] of all) window.count++;
      return undefined;
    },
    forgive: (address, email) => {
      for (const [window] of counters(address, email)) window.count = Math.max(0, window.count - 1);
    },
  };
}

/** Whoever has one IPv6 address has the whole /64. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail === undefined) return groups.slice(0, 4).join(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0');
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}
