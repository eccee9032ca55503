import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { Html, html } from './html.ts';
import { type Links, renderPage } from './layout.ts';
import { createStylesheet } from './style.ts';

/** Made by scripts/build-docs.mjs, beside the program: `dist` is a neighbor of `src`. */
const DIRECTORY = new URL('../../dist/docs/', import.meta.url);

interface DocsPage {
  /** Last part of the address; empty for the start page. */
  readonly slug: string;
  readonly title: string;
  readonly sections: readonly { readonly id: string; readonly text: string }[];
}

interface DocsIndex {
  readonly pages: readonly DocsPage[];
  /** Paths in the repository. */
  readonly files: readonly string[];
}

const TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
};

/** A file that a page shows or links to. */
export interface DocsFile {
  readonly type: string;
  readonly bytes: Buffer;
}

/** The documentation of this version. */
export interface Docs {
  /** A page by the last part of its address; undefined when there is none. */
  page(slug: string): Promise<string | undefined>;
  /** A file by its path in the repository; undefined when there is none. */
  file(path: string): Promise<DocsFile | undefined>;
}

export const DOCS_STYLE = createStylesheet(
  `
body > main { display: grid; grid-template-columns: 14em minmax(0, 1fr); gap: 8px 32px; margin: 18px auto 40px; }
.program { font-size: 1.2rem; font-weight: 700; color: var(--text); }
.contents { order: -1; }
.contents ul { display: block; margin: 0 0 12px; font-size: .92rem; }
.contents li { padding: 2px 0; }
.contents ul ul { margin: 2px 0 6px 12px; }
.text { overflow-wrap: break-word; max-width: 52em; }
.text h1 { margin: 0 0 10px; }
.text h3 { margin: 22px 0 6px; }
.text :target { outline: 2px solid var(--link); outline-offset: 4px; }
.text img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; }
.text pre { overflow-x: auto; background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; }
.text code { font: .88em/1.5 ui-monospace, monospace; background: var(--head); border-radius: 3px; padding: 1px 3px; }
.text pre code { background: none; padding: 0; }
.text blockquote { margin: 0; padding-left: 14px; border-left: 3px solid var(--line); color: var(--dim); }
.text .scroll { margin: 10px 0; }
@media (max-width: 760px) {
  body > main { display: block; }
  .contents { margin-top: 26px; border-top: 1px solid var(--line); }
}
`,
  "'self' data:",
);

function contents({ pages }: DocsIndex, current: DocsPage): Html {
  const sections = html`<ul>
    ${current.sections.map(({ id, text }) => html`<li><a href="#${id}">${text}</a></li>`)}
  </ul>`;
  const items = pages.map(({ slug, title }) => {
    const isCurrent = slug === current.slug;
    const address = slug === '' ? '/docs' : `/docs/${slug}`;
    return html`<li>
      <a href="${address}" ${isCurrent && html` aria-current="page"`}>${title}</a>${isCurrent && sections}
    </li>`;
  });
  return html`<nav class="contents" aria-label="Documentation">
    <ul>
      ${items}
    </ul>
  </nav>`;
}

/** Reads the documentation; `links` are those of the head of every page. Nothing but the files of the index is read. */
export function openDocs(links: Links, directory: URL = DIRECTORY): Docs {
  let index: Promise<DocsIndex> | undefined;
  const readIndex = () =>
    (index ??= readFile(new URL('index.json', directory), 'utf8').then((text) => JSON.parse(text) as DocsIndex));

  return {
    async page(slug) {
      const found = await readIndex();
      const page = found.pages.find((each) => each.slug === slug);
      if (page === undefined) return undefined;
      const text = await readFile(new URL(`pages/${slug || 'index'}.html`, directory), 'utf8');
      return renderPage({
        ...links,
        title: `${page.title}: AICC CTI exporter`,
        style: DOCS_STYLE,
        path: slug === '' ? '/docs' : `/docs/${slug}`,
        // A phone shows the text first.
        main: html`<article class="text">${new Html(text)}</article>
          ${contents(found, page)}`,
      });
    },
    async file(path) {
      const { files } = await readIndex();
      if (!files.includes(path)) return undefined;
      const bytes = await readFile(new URL(`files/${path.split('/').map(encodeURIComponent).join('/')}`, directory));
      return { type: TYPES[extname(path)] ?? 'text/plain; charset=utf-8', bytes };
    },
  };
}
