// Preloaded into clients on Node: names under .localhost are this machine's, as browsers have it, whether or not the system's resolver knows.
import dns from 'node:dns';

const { lookup } = dns;

dns.lookup = (name, options, callback) => {
  const isHere = name.endsWith('.localhost');
  return lookup(isHere ? '127.0.0.1' : name, options, callback);
};
