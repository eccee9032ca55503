// Renders README.md, docs/*.md, CHANGELOG.md and CONTRIBUTING.md to HTML for the exporter's /docs. Part of `npm run build`.
// Usage: node scripts/build-docs.mjs [ROOT [OUTPUT]] (default: this repository, and its dist/docs)
// Writes index.json (pages and files), pages/SLUG.html (what belongs into <main>) and files/ (what pages link to).
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Marked, Renderer } from 'marked';

const [root = fileURLToPath(new URL('..', import.meta.url)), output = join(root, 'dist/docs')] = process.argv.slice(2);

/** Files that are copied when a page links to them: what users load elsewhere, and images. Sources are not. */
const COPIED = /\.(ya?ml|json|tmpl|png|svg)$/;

/** The last part of a page's address, by its file. README.md is the start page, with none. */
const slugs = new Map();
for (const file of [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .sort()
    .map((name) => `docs/${name}`),
]) {
  if (file.endsWith('.md')) slugs.set(file, file === 'README.md' ? '' : posix.basename(file, '.md'));
}
for (const file of ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']) {
  if (existsSync(join(root, file))) slugs.set(file, posix.basename(file, '.md').toLowerCase());
}

const copied = new Set();

function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Copies a file of the repository; undefined when it is not one to be copied. */
function copy(path) {
  const source = join(root, path);
  if (path.startsWith('..') || !COPIED.test(path) || !existsSync(source) || !statSync(source).isFile())
    return undefined;
  const target = join(output, 'files', path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
  copied.add(path);
  return `/docs/files/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** The address of a link on a page; undefined when nothing is there that a browser may open. */
function addressOf(href, file) {
  if (href.startsWith('#')) return href;
  if (/^[a-z][a-z0-9+.-]*:/i.test(href)) return /^(https?|mailto):/i.test(href) ? href : undefined;
  const [path, anchor] = href.split('#', 2);
  const target = posix.normalize(posix.join(posix.dirname(file), path));
  const slug = slugs.get(target);
  if (slug === undefined) return copy(target);
  return `/docs${slug === '' ? '' : `/${slug}`}${anchor === undefined ? '' : `#${anchor}`}`;
}

/** GitHub's anchors of headings, so that links work in both places. */
function anchors() {
  const seen = new Map();
  return (text) => {
    const anchor = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  };
}

function render(file) {
  const anchorOf = anchors();
  const headings = [];
  const renderer = {
    heading({ tokens, depth }) {
      const text = this.parser.parseInline(tokens, this.parser.textRenderer);
      const id = anchorOf(text);
      headings.push({ id, text, depth });
      return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      const address = addressOf(href, file);
      return address === undefined ? text : `<a href="${escapeHtml(address)}">${text}</a>`;
    },
    image({ href, text }) {
      const address = /^[a-z]+:/i.test(href) ? undefined : addressOf(href, file);
      return address === undefined ? escapeHtml(text) : `<img src="${escapeHtml(address)}" alt="${escapeHtml(text)}">`;
    },
    // Markup in a page is shown as text, and a comment not at all.
    html: ({ text }) => (/^\s*<!--[^]*-->\s*$/.test(text) ? '' : escapeHtml(text)),
    table(token) {
      return `<div class="scroll">${Renderer.prototype.table.call(this, token)}</div>\n`;
    },
  };
  const html = new Marked({ renderer }).parse(readFileSync(join(root, file), 'utf8'));
  const slug = slugs.get(file);
  writeFileSync(join(output, 'pages', `${slug || 'index'}.html`), html);
  const title = headings.find(({ depth }) => depth === 1)?.text ?? file;
  const sections = headings.filter(({ depth }) => depth === 2).map(({ id, text }) => ({ id, text }));
  return { slug, file, title, sections };
}

rmSync(output, { recursive: true, force: true });
mkdirSync(join(output, 'pages'), { recursive: true });
const pages = [...slugs.keys()].map(render);
writeFileSync(join(output, 'index.json'), JSON.stringify({ pages, files: [...copied].sort() }));
if (process.argv.length > 2) console.log(`Rendered ${pages.length} pages to ${resolve(output)}`);
