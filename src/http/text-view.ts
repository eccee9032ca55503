import type { IncomingMessage } from 'node:http';
import Negotiator from 'negotiator';
import { html } from './html.ts';
import { type Links, renderPage } from './layout.ts';
import { createStylesheet } from './style.ts';

export const TEXT_STYLE = createStylesheet(`
.program { font-size: 1.2rem; font-weight: 700; color: var(--text); }
main h1 { margin: 20px 0 10px; }
pre { overflow-x: auto; background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; font: 13px/1.5 ui-monospace, monospace; }
`);

/** Whether the client is a browser: only browsers name HTML in Accept. Programs get plain text. */
export function prefersHtml(req: IncomingMessage, type: string): boolean {
  return new Negotiator(req).mediaType([type, 'text/html']) === 'text/html';
}

/** A text for programs as a page that leads on to the others. */
export function renderTextView(title: string, path: string, text: string, links: Links): string {
  return renderPage({
    ...links,
    title: `${title}: AICC CTI exporter`,
    style: TEXT_STYLE,
    path,
    main: html`<h1>${title}</h1>
      <pre>${text}</pre>`,
  });
}
