// SWAG's auto-proxy mod: `swag=enable` with `swag_url`, `swag_port`, `swag_auth` and so on. Pure.
import { quote } from '../quote.ts';
import type { Dialect } from './dialect.ts';
import type { EntryDraft, ForeignLabels } from './foreign-labels.ts';
import { isOwnName, setService } from './service-target.ts';

/** SWAG's labels. */
export const swag: Dialect = {
  name: 'swag',
  owns: (key) => key === 'swag' || key.startsWith('swag_'),
  read(labels) {
    if (!labels.isSwitchedOn('swag', (text) => text.toLowerCase() === 'enable')) return;
    const draft = labels.entry('web', 'swag');
    readUrl(labels, draft);
    readTarget(labels, draft);
    readGuards(labels, draft);
    labels.pass((key) => /^swag_(?:ondemand|uptime)/.test(key));
  },
};

/** `app.*` is any domain the proxy has, and so is no url at all. */
function readUrl(labels: ForeignLabels, draft: EntryDraft): void {
  const url = labels.get('swag_url');
  if (url === undefined || url === '') return;
  const [first = '', ...others] = url.split(/[\s,]+/);
  draft.set('hostname', first.replace(/\.\*$/, ''), 'swag_url');
  if (others.length > 0) labels.note('swag_url', `only ${quote(first)} is used`);
}

function readTarget(labels: ForeignLabels, draft: EntryDraft): void {
  const address = labels.get('swag_address');
  const port = labels.get('swag_port');
  const protocol = labels.get('swag_proto');
  if (address !== undefined && address !== '' && !isOwnName(labels, address)) {
    setService(
      labels,
      draft,
      `${protocol ?? 'http'}://${address}${port === undefined ? '' : `:${port}`}`,
      'swag_address',
    );
    return;
  }
  if (port !== undefined) draft.set('port', port, 'swag_port');
  if (protocol !== undefined) draft.set('protocol', protocol, 'swag_proto');
}

/** What logs visitors in, and what is written into nginx's configuration, where it may keep visitors out. */
function readGuards(labels: ForeignLabels, draft: EntryDraft): void {
  const auth = labels.get('swag_auth');
  if (auth !== undefined && auth !== '') draft.guard('swag_auth', `SWAG's login ${quote(auth)} guards it`);
  const bypass = labels.get('swag_auth_bypass');
  if (bypass !== undefined && bypass !== '') draft.set('access.bypass', bypass, 'swag_auth_bypass');
  for (const key of ['swag_server_custom_directive', 'swag_location_custom_directive']) {
    if (labels.get(key) !== undefined) draft.guard(key, 'a directive of nginx may guard it');
  }
}
