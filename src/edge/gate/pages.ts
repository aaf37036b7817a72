// What the gate shows people: one small page each, without anything from elsewhere. Pure.

/** A whole answer. */
export interface GateAnswer {
  readonly status: number;
  /** Flat: name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: string;
}

/** One way to log in that leads elsewhere. */
export interface LoginLink {
  readonly name: string;
  readonly href: string;
}

/** The form for people of the settings. */
export interface LoginForm {
  readonly action: string;
  /** Proves that the form is ours. */
  readonly token: string;
  readonly email?: string;
}

/** The page that asks who somebody is. */
export interface LoginPage {
  readonly application: string;
  readonly hostname: string;
  readonly links: readonly LoginLink[];
  readonly form: LoginForm | undefined;
  readonly problem?: string;
}

const style =
  ':root{color-scheme:light dark}*{box-sizing:border-box}body{font:16px/1.6 system-ui,sans-serif;max-width:24rem;margin:14vh auto;padding:0 1.5rem}' +
  'h1{font-size:1.4rem;margin:0 0 .25rem;overflow-wrap:anywhere}p{margin:.5rem 0;overflow-wrap:anywhere}label{display:block;margin:.75rem 0 0;font-size:.9rem}' +
  'input{width:100%;font:inherit;padding:.5rem .6rem;border:1px solid #8888;border-radius:.4rem;background:transparent;color:inherit}' +
  '.b,button{display:block;width:100%;margin:1rem 0 0;padding:.6rem;font:inherit;font-weight:600;text-align:center;text-decoration:none;border:0;border-radius:.4rem;background:#2457c5;color:#fff;cursor:pointer}' +
  '.e{padding:.5rem .75rem;border-radius:.4rem;background:#c2212122;border:1px solid #c2212166}code{font-size:.9em}' +
  'footer{margin-top:2rem;padding-top:.75rem;border-top:1px solid #8884;font-size:.8rem;opacity:.7;overflow-wrap:anywhere}';

/** Answers that depend on who asks must not be kept by anybody. */
const privately = ['cache-control', 'private, no-store', 'x-content-type-options', 'nosniff'];

/** The login page. */
export function renderLogin(page: LoginPage, status = 200): GateAnswer {
  const problem = page.problem === undefined ? '' : `<p class="e" role="alert">${escapeHtml(page.problem)}</p>`;
  const links = page.links.map(({ name, href }) => `<a class="b" href="${escapeHtml(href)}">${escapeHtml(name)}</a>`);
  const form = page.form === undefined ? '' : renderForm(page.form);
  const body = `<h1>Log in</h1><p>${escapeHtml(page.application)} asks who you are.</p>${problem}${form}${links.join('')}`;
  return html(status, { title: `Log in | ${page.hostname}`, body, footer: page.hostname });
}

/** A page with something to say. */
export interface NoticePage {
  readonly title: string;
  readonly hostname: string;
  readonly ray: string;
  readonly lines: readonly string[];
  readonly links?: readonly LoginLink[];
}

/** A notice: a refusal, or what a person should do. */
export function renderNotice(status: number, page: NoticePage): GateAnswer {
  const lines = page.lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('');
  const links = (page.links ?? []).map(
    ({ name, href }) => `<a class="b" href="${escapeHtml(href)}">${escapeHtml(name)}</a>`,
  );
  const body = `<h1>${escapeHtml(page.title)}</h1>${lines}${links.join('')}`;
  return html(status, {
    title: `${page.title} | ${page.hostname}`,
    body,
    footer: `${page.hostname} · ray ${page.ray} · sallyport`,
  });
}

/** The same for programs. */
export function renderJson(status: number, value: Readonly<Record<string, unknown>>): GateAnswer {
  return {
    status,
    headers: ['content-type', 'application/json; charset=utf-8', ...privately],
    body: `${JSON.stringify(value)}\n`,
  };
}

/** Sends a browser on. */
export function redirect(status: 302 | 303, location: string): GateAnswer {
  return { status, headers: ['location', location, ...privately, 'referrer-policy', 'same-origin'], body: '' };
}

/** The same answer with more headers. */
export function withHeaders(answer: GateAnswer, headers: readonly string[]): GateAnswer {
  return { ...answer, headers: [...answer.headers, ...headers] };
}

function renderForm({ action, token, email = '' }: LoginForm): string {
  return (
    `<form method="post" action="${escapeHtml(action)}"><input type="hidden" name="token" value="${escapeHtml(token)}">` +
    `<label>E-mail<input name="email" type="email" autocomplete="username" required maxlength="320" value="${escapeHtml(email)}"></label>` +
    '<label>Password<input name="password" type="password" autocomplete="current-password" required maxlength="1024"></label>' +
    '<button>Log in</button></form>'
  );
}

function html(status: number, page: { readonly title: string; body: string; footer: string }): GateAnswer {
  const text = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><title>${escapeHtml(page.title)}</title><style>${style}</style></head>
<body>${page.body}<footer>${escapeHtml(page.footer)}</footer></body></html>
`;
  const policy =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
  return {
    status,
    headers: [
      ...['content-type', 'text/html; charset=utf-8', ...privately, 'content-security-policy', policy],
      ...['x-frame-options', 'DENY', 'referrer-policy', 'same-origin'],
    ],
    body: text,
  };
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
