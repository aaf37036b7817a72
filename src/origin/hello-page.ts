// The page behind `hello_world`: proof that the whole road works, with nothing to install. Pure.

/** What the page shows of the request. */
export interface HelloRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
}

/** The page as HTML; everything a visitor wrote is escaped. */
export function helloPage(request: HelloRequest): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Hello from Sallyport</title>
<style>
  :root { font: 100%/1.5 system-ui, sans-serif; }
  body { max-width: 38rem; margin: 12vh auto; padding: 0 1.25rem; }
  h1 { font-size: 2rem; line-height: 1.2; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; }
  dt { opacity: .7; }
  dd { margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
</style>
</head>
<body>
<h1>It works.</h1>
<p>Your request came through the edge, along an outbound tunnel, to the connector on this machine. No port was opened.</p>
<dl>
  <dt>Host</dt><dd>${escapeHtml(request.host)}</dd>
  <dt>Request</dt><dd>${escapeHtml(request.method)} ${escapeHtml(request.path)}</dd>
</dl>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.slice(0, 2_000).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
