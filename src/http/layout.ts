import { Html, html } from './html.ts';
import type { Stylesheet } from './style.ts';

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%230b5cad'/%3E%3Cpath d='M3 12V8m3.3 4V4m3.4 8V6M13 12V3' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

/** Where the links in the head of every page lead. */
export interface Links {
  readonly telemetryPath: string;
  /** Address of the documentation's start page, without a slash at its end. */
  readonly docsUrl: string;
}

export interface PageOptions extends Links {
  readonly title: string;
  readonly style: Stylesheet;
  /** Path of the page, which is not a link on itself. */
  readonly path: string;
  /** What belongs into the head of the document besides. */
  readonly head?: Html | undefined;
  /** Under the name of the program. */
  readonly intro?: Html | undefined;
  readonly main: Html;
  readonly footer?: Html | undefined;
}

function navigation({ telemetryPath, docsUrl, path }: PageOptions): Html {
  const links = [
    ['/', 'Status'],
    [telemetryPath, 'Metrics'],
    ['/config', 'Configuration'],
    ['/sd', 'Service discovery'],
    [docsUrl, 'Documentation'],
    [`${docsUrl}/runbooks`, 'Runbooks'],
  ] as const;
  const items = links.map(
    ([address, text]) =>
      html`<li><a href="${address}" ${address === path && html` aria-current="page"`}>${text}</a></li>`,
  );
  return html`<nav aria-label="Links">
    <ul>
      ${items}
    </ul>
  </nav>`;
}

/** A whole page: all pages have the same head, with links to the others. */
export function renderPage(page: PageOptions): string {
  const { title, style, head, intro, main, footer } = page;
  const name = page.path === '/' ? html`<h1>AICC CTI exporter</h1>` : html`<p class="program">AICC CTI exporter</p>`;
  const text = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="${ICON}" />
        ${head}${new Html(style.element)}
      </head>
      <body>
        <header>${name} ${intro} ${navigation(page)}</header>
        <main>${main}</main>
        ${footer && html`<footer>${footer}</footer>`}
      </body>
    </html> `;
  return text.text;
}
