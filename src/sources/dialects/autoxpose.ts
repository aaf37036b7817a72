// autoxpose: `autoxpose.enable=auto` publishes, `true` only proposes. Pure.
import type { Dialect } from './dialect.ts';

/** autoxpose's labels. */
export const autoxpose: Dialect = {
  name: 'autoxpose',
  owns: (key) => key.startsWith('autoxpose.'),
  read(labels) {
    const find = (word: string) => ({ key: `autoxpose.${word}`, value: labels.get(`autoxpose.${word}`) });
    if (!labels.isSwitchedOn('autoxpose.enable', (text) => /^(?:auto|true)$/i.test(text))) return;
    const enable = find('enable').value?.toLowerCase();
    const draft = enable === 'auto' ? labels.entry('web', 'autoxpose.enable') : labels.gaps;
    if (enable === 'true') labels.note('autoxpose.enable', 'true only proposes it there, and auto publishes it');
    const [subdomain, port, scheme, list] = [find('subdomain'), find('port'), find('scheme'), find('npm.access_list')];
    find('name');
    if (subdomain.value !== undefined) draft.set('hostname', subdomain.value, subdomain.key);
    if (port.value !== undefined) draft.set('port', port.value, port.key);
    if (scheme.value !== undefined) draft.set('protocol', scheme.value, scheme.key);
    if (list.value !== undefined) draft.guard(list.key, "Nginx Proxy Manager's access list guards it");
  },
};
