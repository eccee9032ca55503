import { setImmediate as nextTurn } from 'node:timers/promises';
import { compress, decompress, tail, type KeptPiece } from './gzip-member.ts';
import { selfMetricsText } from './self-metrics-text.ts';
import type { CallCenterSnapshot } from './snapshot-store.ts';
import { escapeLabel, windowText, type Format } from './text-format.ts';

export interface SnapshotSource {
  /** Name of the call center. */
  readonly name: string;
  /** Cheap; the same object as before when nothing changed. */
  snapshot(): CallCenterSnapshot;
}

export interface ExpositionOptions {
  /** The call centers in the order they are shown. */
  readonly sources: () => readonly SnapshotSource[];
  /** Configured label names, which every info sample carries. */
  readonly labelNames: () => readonly string[];
  /** The exporter's own metrics in text format 0.0.4: prom-client's `registry.metrics()`. */
  readonly selfMetrics: () => Promise<string>;
}

export interface ScrapeRequest {
  readonly format: Format;
  readonly encoding: 'identity' | 'gzip';
  /** Names of the call centers to show, each once; undefined shows all. */
  readonly callCenters?: readonly string[] | undefined;
}

export interface ScrapeBody {
  /** To be sent one after the other. Shared between answers: not to be written to. */
  readonly chunks: readonly Buffer[];
  /** Bytes in all chunks. */
  readonly length: number;
}

export interface Exposition {
  /** The newest data as a body; undefined when one of the call centers is unknown. */
  scrape(request: ScrapeRequest): Promise<ScrapeBody | undefined>;
  /**
   * Announces a change, so that no scrape need wait for its rendering (0.1 s with 5,000 VDNs): until the promise
   * resolves, scrapes get the data of before. A change that nobody announced is found by the next scrape, which then
   * waits. Never rejects.
   */
  refresh(): Promise<void>;
}

/** One rendering of the window data of a choice of call centers. */
interface Page {
  readonly request: Pick<ScrapeRequest, 'format' | 'callCenters'>;
  readonly snapshots: readonly CallCenterSnapshot[];
  readonly labelNames: readonly string[];
  readonly kept: Promise<KeptPiece>;
  /** The text, once a client wanted it uncompressed: most of the memory, so only then. */
  plain: Promise<Buffer> | undefined;
  /** The body made last in each encoding: good as long as the exporter's own metrics stay the same, too. */
  readonly made: Map<ScrapeRequest['encoding'], { readonly own: string; readonly body: ScrapeBody }>;
  finished: boolean;
  /** A finished page to be served while this one is being rendered; undefined when scrapes have to wait. */
  before: Page | undefined;
  scraped: boolean;
}

/** Scrapes that came close together: they share one look at everything. */
interface Batch {
  readonly ready: Promise<void>;
  readonly own: Promise<string>;
  readonly bodies: Map<string, Promise<ScrapeBody | undefined>>;
}

/** Characters made at once, about a millisecond of work; compressing them gives way to the event loop in between. */
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

function equal<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** A page from before a line opened or closed is not served any more: that is exposed to the second. */
function haveSameOpenings(before: Page, after: Page): boolean {
  return before.snapshots.every(({ callCenter, openings }) => {
    const now = after.snapshots.find((snapshot) => snapshot.callCenter === callCenter);
    return now === undefined || now.openings === openings;
  });
}

/**
 * Serves the window data from renderings that are made once per change, joined with the exporter's own metrics, which
 * are fresh for every scrape. A rendering is of one moment: a scrape never shows half a change.
 */
export function createExposition({ sources, labelNames, selfMetrics }: ExpositionOptions): Exposition {
  const pages = new Map<string, Page>();
  let batch: Batch | undefined;
  let lastOwn: Promise<unknown> = Promise.resolve();
  let lastRendering: Promise<unknown> = Promise.resolve();

  /** Renderings take turns: a thousand choices of call centers, asked for at once, cost time but no memory. */
  function render(
    key: string,
    request: Page['request'],
    snapshots: Page['snapshots'],
    names: Page['labelNames'],
  ): Page {
    const kept = lastRendering.then(() => compress(slices(windowText(snapshots, names, request.format))));
    lastRendering = kept.catch(() => undefined); // The scrapes report it.
    const page: Page = {
      ...{ request, snapshots, labelNames: names, kept },
      ...{ plain: undefined, made: new Map(), finished: false, before: undefined, scraped: false },
    };
    const finish = () => {
      page.finished = true;
      page.before = undefined;
    };
    kept.then(finish, () => {
      finish();
      if (pages.get(key) === page) pages.delete(key); // The next scrape tries again.
    });
    return page;
  }

  /** The page of a choice, rendered anew only when its content changed; undefined when a call center is unknown. */
  function newestPage(key: string, request: Page['request']): Page | undefined {
    const all = sources();
    const { callCenters } = request;
    const chosen = callCenters === undefined ? all : all.filter(({ name }) => callCenters.includes(name));
    if (callCenters !== undefined && chosen.length < callCenters.length) return undefined;

    const snapshots = chosen.map((source) => source.snapshot());
    const names = labelNames();
    const last = pages.get(key);
    const same = last !== undefined && equal(last.snapshots, snapshots) && equal(last.labelNames, names);
    const page = same ? last : render(key, request, snapshots, names);
    // The pages used last stand at the end. Room for each call center, all of them, and one more choice, in both formats.
    pages.delete(key);
    pages.set(key, page);
    for (const oldest of pages.keys()) {
      if (pages.size <= 2 * (all.length + 2)) break;
      pages.delete(oldest);
    }
    return page;
  }

  async function body(key: string, request: ScrapeRequest, { ready, own }: Batch): Promise<ScrapeBody | undefined> {
    await ready;
    const newest = newestPage(key, request);
    if (newest === undefined) return undefined;
    newest.scraped = true;
    const page = newest.before ?? newest;
    const kept = await page.kept;
    const text = await own;
    const made = page.made.get(request.encoding);
    if (made?.own === text) return made.body;
    const shown = request.callCenters === undefined ? undefined : new Set(request.callCenters.map(escapeLabel));
    const fresh = Buffer.from(selfMetricsText(text, request.format, shown));
    const chunks =
      request.encoding === 'gzip' ? [kept.bytes, tail(kept, fresh)] : [await (page.plain ??= decompress(kept)), fresh];
    const body = { chunks, length: chunks.reduce((sum, chunk) => sum + chunk.length, 0) };
    page.made.set(request.encoding, { own: text, body });
    return body;
  }

  /**
   * Looks at nothing before the end of this turn of the event loop, and not while the batch before is asking for the
   * exporter's own metrics: many scrapes at once then share few looks, none of them older than its request.
   */
  function openBatch(): Batch {
    const ready = lastOwn
      .then(() => nextTurn())
      .then(() => {
        batch = undefined;
      });
    const own = ready.then(selfMetrics);
    lastOwn = own.catch(() => undefined); // The scrapes report it.
    return { ready, own, bodies: new Map() };
  }

  return {
    scrape: (request) => {
      batch ??= openBatch();
      const { bodies } = batch;
      const choice = request.callCenters === undefined ? '' : JSON.stringify([...request.callCenters].sort());
      const key = `${request.format} ${choice}`;
      const bodyKey = `${request.encoding} ${key}`;
      let shared = bodies.get(bodyKey);
      if (shared === undefined) bodies.set(bodyKey, (shared = body(key, request, batch)));
      return shared;
    },
    refresh: async () => {
      const started: Promise<unknown>[] = [];
      for (const [key, last] of [...pages]) {
        const page = last.scraped ? newestPage(key, last.request) : undefined;
        if (page === undefined) continue;
        const before = last.finished ? last : last.before;
        if (page !== last && before !== undefined && haveSameOpenings(before, page)) page.before = before;
        started.push(page.kept);
      }
      await Promise.allSettled(started);
    },
  };
}
