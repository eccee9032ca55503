import { setImmediate as nextTurn } from 'node:timers/promises';
import { suffix } from './gzip-member.ts';
import { type Page, PageCache, type PageCacheOptions, pageKey, type PageRequest } from './page-cache.ts';
import { familiesOf, type SelfMetrics } from './self-metrics.ts';
import { selfMetricsText } from './text-format.ts';

export interface ExpositionOptions extends PageCacheOptions {
  /** The exporter's own metrics; the same object as long as nothing changed. */
  readonly selfMetrics: () => Promise<SelfMetrics>;
}

export interface ScrapeRequest extends PageRequest {
  readonly encoding: 'identity' | 'gzip';
}

export interface ScrapeBody {
  /** To be sent one after the other. Shared between responses: not to be written to. */
  readonly chunks: readonly Buffer[];
  /** Bytes in all chunks. */
  readonly length: number;
}

export interface Exposition {
  /** The newest data as a body; undefined when one of the call centers is unknown. */
  scrape(request: ScrapeRequest): Promise<ScrapeBody | undefined>;
  /**
   * Announces a change, so that no scrape need wait for its rendering (0.1 s with 5,000 VDNs): until the promise
   * resolves, scrapes get the data from before. The next scrape finds a change that nobody announced, and waits.
   * Never rejects.
   */
  refresh(): Promise<void>;
}

/** Scrapes that came close together: they share one look at everything. */
interface Batch {
  /** Resolves when the batch is closed: what is looked at from then on is newer than each of its requests. */
  readonly closed: Promise<void>;
  readonly selfMetrics: Promise<SelfMetrics>;
  readonly bodies: Map<string, Promise<ScrapeBody | undefined>>;
}

/** The bodies made last of a page, by their encoding: good as long as the exporter's own metrics stay the same. */
type LastBodies = Map<ScrapeRequest['encoding'], { readonly selfMetrics: SelfMetrics; readonly body: ScrapeBody }>;

async function makeBody(
  page: Page,
  selfMetrics: SelfMetrics,
  encoding: ScrapeRequest['encoding'],
): Promise<ScrapeBody> {
  const { format, callCenters } = page.request;
  const compressed = await page.compressed;
  const end = Buffer.from(selfMetricsText(familiesOf(selfMetrics, callCenters), format));
  const chunks = encoding === 'gzip' ? [compressed.bytes, suffix(compressed, end)] : [await page.text(), end];
  return { chunks, length: chunks.reduce((sum, chunk) => sum + chunk.length, 0) };
}

/** Serves the window data, rendered once per change, followed by the exporter's own metrics, collected per scrape. */
export function createExposition({ selfMetrics, ...options }: ExpositionOptions): Exposition {
  const pages = new PageCache(options);
  const lastBodies = new WeakMap<Page, LastBodies>();
  let batch: Batch | undefined;
  let lastCollection: Promise<unknown> = Promise.resolve();

  async function currentPage(request: ScrapeRequest): Promise<Page | undefined> {
    for (;;) {
      const page = pages.forScrape(request);
      await page?.compressed;
      if (page === undefined || pages.isCurrent(page)) return page;
    }
  }

  async function body(request: ScrapeRequest, { closed, selfMetrics: collected }: Batch) {
    await closed;
    const page = await currentPage(request);
    if (page === undefined) return undefined;
    const current = await collected;
    const bodies = lastBodies.get(page) ?? (new Map() as LastBodies);
    lastBodies.set(page, bodies);
    const last = bodies.get(request.encoding);
    if (last?.selfMetrics === current) return last.body;
    const made = await makeBody(page, current, request.encoding);
    bodies.set(request.encoding, { selfMetrics: current, body: made });
    return made;
  }

  /**
   * Closes at the end of this turn of the event loop, and not while the batch before is collecting the exporter's own
   * metrics: many scrapes at once then share few collections.
   */
  function openBatch(): Batch {
    const closed = lastCollection
      .then(() => nextTurn())
      .then(() => {
        batch = undefined;
      });
    const collected = closed.then(selfMetrics);
    lastCollection = collected.catch(() => undefined); // The scrapes report it.
    return { closed, selfMetrics: collected, bodies: new Map() };
  }

  return {
    scrape(request) {
      batch ??= openBatch();
      const { bodies } = batch;
      const key = `${request.encoding} ${pageKey(request)}`;
      const shared = bodies.get(key) ?? body(request, batch);
      bodies.set(key, shared);
      return shared;
    },
    refresh: () => pages.refresh(),
  };
}
