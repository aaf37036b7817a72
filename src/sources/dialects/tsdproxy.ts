// TSDProxy, version 1 (`container_port`, `scheme`) and later (`port.1=443/https:80/http`). Pure.
import { parseBoolean } from '../origin-options.ts';
import { quote } from '../quote.ts';
import type { Dialect } from './dialect.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';

const prefix = 'tsdproxy.';
/** What concerns the machine in the tailnet or TSDProxy's own pages. */
const idle =
  /^tsdproxy\.(?:ephemeral|webclient|tsnet_verbose|authkey|authkeyfile|auth_key|auth_key_file|tags|proxyprovider|autodetect|autorestart|containeraccesslog|dash\..*|health_check_.*)$/i;

/** TSDProxy's labels. */
export const tsdproxy: Dialect = {
  name: 'tsdproxy',
  owns: (key) => key.startsWith(prefix),
  read(labels) {
    if (!labels.isSwitchedOn(`${prefix}enable`, (text) => parseBoolean(text) === true)) return;
    labels.pass((key) => idle.test(key));
    const draft = labels.entry('web', `${prefix}enable`);
    const name = labels.first(`${prefix}domain`, `${prefix}name`);
    if (name !== undefined && name.value !== '') draft.set('hostname', name.value, name.key);
    const ports = portsOf(labels);
    if (ports.length === 0) readVersion1(labels, draft);
    else readPorts(labels, draft, ports);
    guardTailnet(labels, draft, ports);
  },
};

/** One `port.<n>`: what the tailnet sees, and the port and protocol inside. */
interface PortLabel {
  readonly key: string;
  readonly value: string;
  readonly outside: string;
  readonly port: string;
  readonly protocol: string;
  readonly options: readonly string[];
}

const portLabel = /^(\d{1,5})\/(\w{1,8})(?::(\d{1,5})\/(\w{1,8}))?\s*((?:,\s*\w+\s*)*)$/;

function portsOf(labels: ForeignLabels): readonly PortLabel[] {
  const keys = labels.keys.filter((key) => /^tsdproxy\.port\.[^.]+$/.test(key));
  return keys.flatMap((key) => {
    const value = labels.get(key) ?? '';
    const [, outside = '', outer = '', port, protocol, options = ''] = portLabel.exec(value) ?? [];
    if (outside === '') {
      const why = value.includes('->') ? 'a redirect has no counterpart' : `${quote(value)} leads to no single port`;
      labels.note(key, why);
      return [];
    }
    const words = options.split(',').map((word) => word.trim().toLowerCase());
    return [{ key, value, outside, port: port ?? '', protocol: (protocol ?? outer).toLowerCase(), options: words }];
  });
}

/** One name leads to one port here: that of HTTPS, or the first. */
function readPorts(labels: ForeignLabels, draft: EntryDraft, ports: readonly PortLabel[]): void {
  const chosen = ports.find((one) => one.outside === '443') ?? ports[0];
  for (const one of ports) {
    if (one !== chosen && one.port !== chosen?.port) labels.note(one.key, 'one name leads to one port here');
  }
  if (chosen === undefined) return;
  if (chosen.protocol === 'udp') draft.drop(chosen.key, 'UDP does not pass through the tunnel');
  else draft.set('protocol', chosen.protocol, chosen.key);
  if (chosen.port !== '') draft.set('port', chosen.port, chosen.key);
  if (chosen.options.includes('no_tlsvalidate')) draft.set('origin.noTLSVerify', 'true', chosen.key);
}

function readVersion1(labels: ForeignLabels, draft: EntryDraft): void {
  const find = (word: string) => ({ key: prefix + word, value: labels.get(prefix + word) });
  const [port, scheme, validate] = [find('container_port'), find('scheme'), find('tlsvalidate')];
  if (port.value !== undefined) draft.set('port', port.value, port.key);
  if (scheme.value !== undefined) draft.set('protocol', scheme.value, scheme.key);
  if (validate.value !== undefined && parseBoolean(validate.value) === false)
    draft.set('origin.noTLSVerify', 'true', validate.key);
}

/** Without a funnel only the tailnet reaches it: that is a guard of its own. */
function guardTailnet(labels: ForeignLabels, draft: EntryDraft, ports: readonly PortLabel[]): void {
  const funnel = labels.get(`${prefix}funnel`);
  const isOpen = ports.some(({ options }) => options.includes('tailscale_funnel'));
  if (isOpen || (funnel !== undefined && parseBoolean(funnel) === true)) return;
  draft.guard(`${prefix}enable`, 'only its tailnet reaches it with TSDProxy');
}
