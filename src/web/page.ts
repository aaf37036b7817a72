// The plain page at `/`: what is published, where it leads, what is wrong. Everything shown is untrusted and escaped.
import { createHash } from 'node:crypto';
import type { ServiceStatus, Status } from '../status.ts';

/** How links to published hostnames are built, e.g. `{ scheme: 'http', port: 8080 }`. */
export interface PublicAddress {
  readonly scheme: 'http' | 'https';
  readonly port: number;
}

/** The page as HTML. */
export function renderPage(status: Status, address: PublicAddress): string {
  const rows = status.services.map((service) => row(service, address)).join('\n');
  const general = status.diagnostics.map((finding) => `<li>${escapeHtml(finding.message)}</li>`).join('');
  const road = status.ready ? 'The road is open.' : 'Not ready yet.';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sallyport</title>
<style>${style}</style></head><body><main><h1>Sallyport</h1>
<p>${road} ${status.services.filter((service) => service.published).length} published, ${status.services.length} found.</p>
${general === '' ? '' : `<ul class="findings">${general}</ul>`}
<table><thead><tr><th>Service</th><th>Address</th><th>Access</th><th>State</th><th>Remarks</th></tr></thead>
<tbody>${rows}</tbody></table></main></body></html>`;
}

function row(service: ServiceStatus, address: PublicAddress): string {
  const links = service.hostnames.map((name, index) => link(name, service.rules[index] ?? '', address)).join('<br>');
  const remarks = service.diagnostics.map((finding) => escapeHtml(withHint(finding))).join('<br>');
  const access = [...new Set(service.access)].map(escapeHtml).join(', ');
  return `<tr><td>${escapeHtml(service.name)}<small>${escapeHtml(service.plugin ?? '')}</small></td><td>${links || '–'}</td><td>${access}</td><td>${service.state}</td><td>${remarks}</td></tr>`;
}

function link(name: string, rule: string, address: PublicAddress): string {
  // A path rule is a regex, and a wildcard is no name to open: show these without a link.
  const plain = /^[a-z0-9.-]+$/.test(name) && /^(https?|unix|hello|http_status)/.test(rule);
  const port =
    (address.scheme === 'http' && address.port === 80) || (address.scheme === 'https' && address.port === 443)
      ? ''
      : `:${address.port}`;
  return plain ? `<a href="${address.scheme}://${name}${port}/">${name}</a>` : escapeHtml(name);
}

function withHint(finding: { readonly message: string; readonly hint?: string }): string {
  return finding.hint === undefined ? finding.message : `${finding.message}: ${finding.hint}`;
}

/** Text made safe inside HTML and attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const style = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:0}main{max-width:64rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #8884}
small{display:block;opacity:.7}.findings{color:#b3261e}`;

/** Lets a policy for content name the page's style, so that no other inline style is allowed. */
export const pageStyleHash = `sha256-${createHash('sha256').update(style).digest('base64')}`;

/** The page for somebody who is not logged in; `failed` says why the last try was none. */
export function renderLogin(failed: string | undefined): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sallyport</title>
<style>${style}</style></head><body><main><h1>Sallyport</h1>${failed === undefined ? '' : `<p class="findings">${escapeHtml(failed)}</p>`}
<form method="post" action="./login"><p><label>Password, or the token in the file web-token of the data directory<br>
<input type="password" name="password" autocomplete="current-password" required></label></p><p><button>Log in</button></p></form></main></body></html>`;
}
