// Unraid: the link to a container's page, which names the port its page is at. It publishes nothing by itself. Pure.
import { quote } from '../quote.ts';
import type { Dialect } from './dialect.ts';

const webui = 'net.unraid.docker.webui';

/** Unraid's labels. */
export const unraid: Dialect = {
  name: 'unraid',
  owns: (key) => key.startsWith('net.unraid.docker.'),
  read(labels) {
    const text = labels.get(webui);
    // The icon and who manages the container have no bearing on where it is published.
    labels.pass(() => true);
    if (text === undefined || text === '') return;
    const [, protocol, port] =
      /^(https?):\/\/\[IP\](?::(?:\[PORT:(\d{1,5})\]|\d{1,5}))?(?:[/?#].*)?$/i.exec(text) ?? [];
    if (protocol === undefined) {
      labels.note(webui, `${quote(text)} names no port of this container`);
      return;
    }
    labels.gaps.set('protocol', protocol, webui);
    if (port !== undefined) labels.gaps.set('port', port, webui);
  },
};
