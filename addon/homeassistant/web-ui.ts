// Which of an add-on's ports is its web page, and what is spoken there: its web address, else what its author wrote of its ports. Pure.
import type { AddOn, AddOnPort } from './shapes.ts';

/** A port as it answers us. */
export interface WebPort {
  /** On the host where the add-on uses the host's network, else inside its container. */
  readonly number: number;
  readonly speaks?: 'http' | 'https';
}

/** `[PROTO:ssl]://[HOST]:[PORT:8123]/path`, and with protocol or port already filled in. */
const webUiPattern = /^(?:(https?)|\[PROTO:([-\w]+)\]):\/\/\[HOST\]:(?:(\d{1,5})|\[PORT:(\d{1,5})\])(?:\/|$)/;
const webWords = /\b(?:web|https?|frontend|dashboard|user interface|ui|gui)\b/i;

/** The open TCP ports that may hold a web page, the likeliest first; none where the page is only shown inside Home Assistant. */
export function webPorts(addOn: AddOn): readonly WebPort[] {
  const named = fromWebUi(addOn);
  if (named !== undefined) return [named];
  const open = addOn.ports.filter((port) => port.protocol === 'tcp' && port.open !== undefined);
  const described = open.filter((port) => isWeb(port));
  if (described.length > 0) return preferPlain(described.map((port) => numbered(addOn, port, speaksAt(addOn, port))));
  // A page that is shown inside Home Assistant is none of the ports whose author says what else they are for.
  const left = addOn.hasIngress ? open.filter((port) => port.about === undefined) : open;
  return left.map((port) => numbered(addOn, port, undefined));
}

/** The ports one of which would be its page if the user opened it; by number inside. */
export function closedPages(addOn: AddOn): readonly number[] {
  const closed = addOn.ports.filter((port) => port.protocol === 'tcp' && port.open === undefined);
  const described = closed.filter(isWeb).slice(0, 1);
  const left = described.length > 0 ? described : closed.filter((port) => port.about === undefined);
  return left.map(({ inside }) => inside);
}

/** A page that is there with TLS and without is the same page: inside one machine the plain one will do. */
function preferPlain(ports: readonly WebPort[]): readonly WebPort[] {
  const plain = ports.filter(({ speaks }) => speaks !== 'https');
  return plain.length > 0 ? plain : ports;
}

/** An author who wrote nothing of port 80 or 443 needed not to. */
function isWeb({ inside, about }: AddOnPort): boolean {
  return about === undefined ? inside === 80 || inside === 443 : webWords.test(about) || /ingress/i.test(about);
}

function fromWebUi(addOn: AddOn): WebPort | undefined {
  const match = addOn.webUi === undefined ? null : webUiPattern.exec(addOn.webUi);
  if (match === null) return undefined;
  const [, fixed, option = '', onHost, inside] = match;
  const number = onHost === undefined ? portOf(addOn, Number(inside)) : insideOf(addOn, Number(onHost));
  if (number === undefined || number < 1 || number > 65_535) return undefined;
  const isTls = fixed === undefined ? addOn.switches.get(option) : fixed === 'https';
  return { number, ...(isTls === undefined ? {} : { speaks: isTls ? 'https' : 'http' }) };
}

/** The port of a template: as it answers us, and only while it is open. One the manifest does not list is open by itself. */
function portOf(addOn: AddOn, inside: number): number | undefined {
  const port = addOn.ports.find((one) => one.protocol === 'tcp' && one.inside === inside);
  if (port === undefined) return inside;
  return port.open === undefined ? undefined : numbered(addOn, port, undefined).number;
}

/** The port behind one of the host's, which is what the API's web address names. */
function insideOf(addOn: AddOn, onHost: number): number {
  const port = addOn.ports.find((one) => one.protocol === 'tcp' && one.open === onHost);
  return port === undefined ? onHost : numbered(addOn, port, undefined).number;
}

function numbered(addOn: AddOn, { inside, open }: AddOnPort, speaks: WebPort['speaks']): WebPort {
  return {
    number: addOn.isOnHostNetwork ? (open ?? inside) : inside,
    ...(speaks === undefined ? {} : { speaks }),
  };
}

/** By custom the option `ssl` decides what an add-on's own page speaks; a port that says https speaks it. */
function speaksAt({ switches }: AddOn, { about = '' }: AddOnPort): WebPort['speaks'] {
  if (/\bhttps\b/i.test(about)) return 'https';
  const ssl = switches.get('ssl');
  return ssl === undefined ? undefined : ssl ? 'https' : 'http';
}
