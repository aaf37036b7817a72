// homepage: the links of a dashboard, which know a service's name and sometimes its port. They publish nothing by themselves. Pure.
import type { Dialect } from './dialect.ts';
import type { ForeignLabels } from './foreign-labels.ts';
import { isOwnName } from './service-target.ts';

/** homepage's labels. */
export const homepage: Dialect = {
  name: 'homepage',
  owns: (key) => key.startsWith('homepage.'),
  read(labels) {
    readHref(labels);
    readWidget(labels);
    // Everything else is about looks, or holds keys for the dashboard's widgets.
    labels.pass(() => true);
  },
};

/** Names that only this house knows. */
const atHome = /(?:^|\.)(?:local|lan|home|internal|localdomain|localhost|arpa|intranet|private)$/i;

/** A link under a name of its own, at the usual port, is the name the service has. */
function readHref(labels: ForeignLabels): void {
  const key = labels.keys.find((one) => /^homepage\.(?:instance\.[^.]+\.)?href$/.test(one));
  const url = key === undefined ? undefined : urlOf(labels.get(key) ?? '');
  if (key === undefined || url === undefined) return;
  const isName = url.hostname.includes('.') && !/^[\d.]+$|^\[/.test(url.hostname) && !atHome.test(url.hostname);
  if (isName && url.port === '') labels.gaps.set('hostname', url.hostname, key);
  else labels.note(key, 'it is no name under which visitors could come');
}

/** A widget asks the container itself, so it knows the port. */
function readWidget(labels: ForeignLabels): void {
  const key = labels.keys.find((one) => /^homepage\.(?:instance\.[^.]+\.)?widgets?(?:\[\d{1,4}\])?\.url$/.test(one));
  const url = key === undefined ? undefined : urlOf(labels.get(key) ?? '');
  if (key === undefined || url === undefined || !isOwnName(labels, url.hostname)) return;
  const usual = url.protocol === 'https:' ? '443' : '80';
  labels.gaps.set('port', url.port === '' ? usual : url.port, key);
  labels.gaps.set('protocol', url.protocol.slice(0, -1), key);
}

function urlOf(text: string): URL | undefined {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}
