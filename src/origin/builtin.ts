// Origins that need nothing outside this process: a fixed status, the hello page, and what is refused.
import { OriginError } from '../errors.ts';
import { closedPage } from './closed-page.ts';
import type { Exchange, Origin } from './exchange.ts';
import { helloPage } from './hello-page.ts';

/** Answers every request with a status and no body; a person who meets a closed name is told that it is for now. */
export function createStatusOrigin(status: number): Origin {
  return {
    serve(exchange) {
      if (status === 503) serveClosed(exchange);
      else {
        exchange.respond(status, ['Content-Length', '0']);
        exchange.end();
      }
    },
    retire: () => undefined,
  };
}

/** Programs get no body, as from cloudflared; both learn when to try again. */
function serveClosed(exchange: Exchange): void {
  const page = wantsHtml(exchange.headers) ? Buffer.from(closedPage) : undefined;
  exchange.respond(503, [
    ...['Content-Length', String(page?.length ?? 0), 'Retry-After', '10', 'Cache-Control', 'no-store'],
    ...(page === undefined ? [] : ['Content-Type', 'text/html; charset=utf-8']),
    ...(page === undefined ? [] : ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'"]),
  ]);
  if (page !== undefined) exchange.write(page);
  exchange.end();
}

function wantsHtml(headers: readonly string[]): boolean {
  return headers.some(
    (name, at) => at % 2 === 0 && name.toLowerCase() === 'accept' && headers[at + 1]?.includes('text/html') === true,
  );
}

/** Answers every request with a page that shows how it arrived. */
export function createHelloOrigin(): Origin {
  return { serve: serveHello, retire: () => undefined };
}

/** Answers every request with 502 and logs why. */
export function createRefusingOrigin(reason: string, hint: string): Origin {
  return {
    serve: (exchange) => exchange.fail(new OriginError({ code: 'E_ORIGIN_FAILED', message: reason, hint })),
    retire: () => undefined,
  };
}

function serveHello(exchange: Exchange): void {
  const page = Buffer.from(helloPage({ method: exchange.method, host: exchange.host, path: exchange.path }));
  exchange.respond(200, [
    'Content-Type',
    'text/html; charset=utf-8',
    'Content-Length',
    String(page.length),
    'Cache-Control',
    'no-store',
    'Content-Security-Policy',
    "default-src 'none'; style-src 'unsafe-inline'",
  ]);
  exchange.write(page);
  exchange.end();
}
