import { compress, decompress, type CompressedText } from './gzip-member.ts';
import type { CallCenterSnapshot } from './snapshot-store.ts';
import { windowText, type Format } from './text-format.ts';

export interface SnapshotSource {
  /** Name of the call center. */
  readonly name: string;
  /** Cheap; the same object as before when nothing changed. */
  snapshot(): CallCenterSnapshot;
}

export interface PageCacheOptions {
  /** The call centers in the order they are shown. */
  readonly sources: () => readonly SnapshotSource[];
  /** Configured label names, which every info sample carries. */
  readonly labelNames: () => readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Which window data a page shows, and how. */
export interface PageRequest {
  readonly format: Format;
  /** Names of the call centers to show, each once; undefined shows all. */
  readonly callCenters?: readonly string[] | undefined;
}

/** One rendering of the window data of some call centers. */
export class Page {
  readonly request: PageRequest;
  readonly snapshots: readonly CallCenterSnapshot[];
  readonly labelNames: readonly string[];
  readonly compressed: Promise<CompressedText>;
  isRendered = false;
  /** Whether a scrape requested it. */
  isScraped = false;
  /** A rendered page to serve while this one is being rendered; undefined when scrapes have to wait. */
  previous: Page | undefined;
  #text: Promise<Buffer> | undefined;

  constructor(
    { request, snapshots, labelNames }: Pick<Page, 'request' | 'snapshots' | 'labelNames'>,
    compressed: Promise<CompressedText>,
  ) {
    this.request = request;
    this.snapshots = snapshots;
    this.labelNames = labelNames;
    this.compressed = compressed;
    const rendered = () => {
      this.isRendered = true;
      this.previous = undefined;
    };
    compressed.then(rendered, rendered);
  }

  /** The uncompressed text: most of the memory, so it is made only when a client wants it. */
  text(): Promise<Buffer> {
    return (this.#text ??= this.compressed.then(decompress));
  }

  shows(snapshots: readonly CallCenterSnapshot[], labelNames: readonly string[]): boolean {
    return hasSameItems(this.snapshots, snapshots) && hasSameItems(this.labelNames, labelNames);
  }
}

/** Characters made at once, about a millisecond of work; other work can run while they are compressed. */
const SLICE_CHARS = 65_536;

function* slices(pieces: Iterable<string>): Generator<Buffer> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < SLICE_CHARS) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

function hasSameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** Equal for requests of the same page. */
export function pageKey({ format, callCenters }: PageRequest): string {
  return `${format} ${callCenters === undefined ? '' : JSON.stringify([...callCenters].sort())}`;
}

/**
 * Renders the window data once per change. A page is of one moment: a scrape never shows half a change.
 */
export class PageCache {
  readonly #options: PageCacheOptions;
  /** In the order of use, the last used page at the end. */
  readonly #pages = new Map<string, Page>();
  #lastRendering: Promise<unknown> = Promise.resolve();

  constructor(options: PageCacheOptions) {
    this.#options = options;
  }

  /** The page for a scrape; undefined when one of the call centers is unknown. */
  forScrape(request: PageRequest): Page | undefined {
    const newest = this.#newest(request);
    if (newest === undefined) return undefined;
    newest.isScraped = true;
    const { previous } = newest;
    return previous !== undefined && this.isCurrent(previous) ? previous : newest;
  }

  /** Whether what the page shows is still true: after a suspend of the machine it may be long out of date. */
  isCurrent({ snapshots }: Page): boolean {
    const now = this.#options.now();
    return snapshots.every((snapshot) => snapshot.isCurrentAt(now));
  }

  /**
   * Renders anew what changed, if a scrape requested it since the last time. Until the promise resolves, scrapes get
   * the page from before instead of waiting.
   */
  async refresh(): Promise<void> {
    const started: Promise<unknown>[] = [];
    for (const last of [...this.#pages.values()]) {
      const page = last.isScraped ? this.#newest(last.request) : undefined;
      if (page === undefined) continue;
      if (page !== last) page.previous = last.isRendered ? last : last.previous;
      started.push(page.compressed);
    }
    await Promise.allSettled(started);
  }

  /** The page of what is to be shown now, rendered anew when that changed. */
  #newest(request: PageRequest): Page | undefined {
    const all = this.#options.sources();
    const { callCenters } = request;
    const chosen = callCenters === undefined ? all : all.filter(({ name }) => callCenters.includes(name));
    if (callCenters !== undefined && chosen.length < callCenters.length) return undefined;

    const snapshots = chosen.map((source) => source.snapshot());
    const labelNames = this.#options.labelNames();
    const key = pageKey(request);
    const last = this.#pages.get(key);
    const page =
      last?.shows(snapshots, labelNames) === true ? last : this.#render(key, { request, snapshots, labelNames });
    this.#pages.delete(key);
    this.#pages.set(key, page);
    // Room for each call center, for all of them, and for one more choice, in both formats.
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= 2 * (all.length + 2)) break;
      this.#pages.delete(oldest);
    }
    return page;
  }

  /** One rendering at a time: many selections of call centers at once take time, but little memory. */
  #render(key: string, content: Pick<Page, 'request' | 'snapshots' | 'labelNames'>): Page {
    const { snapshots, labelNames, request } = content;
    const compressed = this.#lastRendering.then(() =>
      compress(slices(windowText(snapshots, labelNames, request.format))),
    );
    const page = new Page(content, compressed);
    this.#lastRendering = compressed.catch(() => {
      if (this.#pages.get(key) === page) this.#pages.delete(key); // The next scrape tries again; this one reports it.
    });
    return page;
  }
}
