import { createHash } from 'node:crypto';

/** Colors, texts and tables of every page: light and dark, as the browser requests it. */
const BASE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --box: #fff; --line: #d5dae1; --text: #1b2330; --dim: #56606e; --link: #0b5cad; --head: #eceff3; --field: #77828f;
  --good: #1b6b38; --bad: #b3261e; --warn: #8a5300; --idle: #505a68;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --box: #1b2129; --line: #343d49; --text: #e6eaf0; --dim: #a3aebc; --link: #7db8f5; --head: #242c36; --field: #77828f;
    --good: #6fd08c; --bad: #ff8a80; --warn: #f2b84b; --idle: #b4bdc9;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
body > * { max-width: 1280px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 18px; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.2rem; margin: 26px 0 10px; }
h2 + p { margin: 0 0 10px; }
h3 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, input:focus-visible, select:focus-visible, button:focus-visible {
  outline: 2px solid var(--link); outline-offset: 2px;
}
header p { margin: 4px 0; color: var(--dim); }
nav [aria-current=page] { color: var(--text); font-weight: 700; text-decoration: none; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 6px 0 0; padding: 0; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--box); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 8px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { background: var(--head); white-space: nowrap; font-size: .85rem; }
footer { margin: 26px auto; color: var(--dim); }
`;

/** A page's only style, and the Content-Security-Policy that allows it. */
export interface Stylesheet {
  readonly element: string;
  /** What the page needs itself: that style, images, and its form. */
  readonly sources: Readonly<Record<'style-src' | 'img-src' | 'form-action', string>>;
  /** Allows only these: no script, nothing from elsewhere, no frame around it. */
  readonly policy: string;
}

/** @param images where images may come from: the icon is a data URL on every page */
export function createStylesheet(css: string, images: 'data:' | "'self' data:" = 'data:'): Stylesheet {
  const style = BASE + css;
  const hash = createHash('sha256').update(style).digest('base64');
  const sources = { 'style-src': `'sha256-${hash}'`, 'img-src': images, 'form-action': "'self'" };
  const needs = Object.entries(sources).map(([directive, source]) => `${directive} ${source}`);
  const policy = ["default-src 'none'", ...needs, "base-uri 'none'", "frame-ancestors 'none'"].join('; ');
  return { element: `<style>${style}</style>`, sources, policy };
}
