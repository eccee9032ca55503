import { SingleBar } from 'cli-progress';
import type { Clock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';

/** Where there is no terminal, a line this often. */
const LINE_EVERY_MS = 10_000;

export interface ProgressOptions {
  /** What is going on: `Backfill`. */
  readonly title: string;
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly clock: Clock;
  /** Windows altogether, and those done by an earlier run. */
  readonly total: number;
  readonly done: number;
}

/** Shows how far a long work is: a bar on a terminal, a line now and then elsewhere. */
export interface Progress {
  /** @param done of the total, those of an earlier run included */
  update(done: number): void;
  /** Writes a line of its own. */
  log(line: string): void;
  stop(): void;
}

/** `1,234/s` and `2h5m left`, from the mean rate since the start of this run. */
function pace(done: number, total: number, elapsedMs: number): { rate: string; left: string } {
  const perMs = done / Math.max(elapsedMs, 1);
  const seconds = Math.ceil((total / perMs - elapsedMs) / 1000);
  // Beyond an hour the seconds are noise.
  const rounded = seconds > 3600 ? Math.ceil(seconds / 60) * 60 : Math.max(0, seconds);
  return {
    rate: `${Math.round(perMs * 1000).toLocaleString('en-US')}/s`,
    left: Number.isFinite(rounded) ? formatDuration(rounded * 1000) : '?',
  };
}

/** Begins to show progress; `stop` must be called, it gives the cursor back. */
export function startProgress({ title, stream, clock, total, done: already }: ProgressOptions): Progress {
  const started = clock.monotonic();
  const now = (done: number) => pace(done - already, total - already, clock.monotonic() - started);

  if (stream.isTTY !== true) {
    let last = started;
    return {
      update(done) {
        if (clock.monotonic() - last < LINE_EVERY_MS) return;
        last = clock.monotonic();
        const { rate, left } = now(done);
        const share = `${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} windows`;
        stream.write(`${title}: ${share} (${Math.floor((done / total) * 100)}%), ${rate}, ${left} left\n`);
      },
      log: (line) => stream.write(`${line}\n`),
      stop: () => undefined,
    };
  }

  const bar = new SingleBar({
    stream,
    format: `${title} [{bar}] {percentage}% | {value}/{total} windows | {rate} | {left} left`,
    barCompleteChar: '#',
    barIncompleteChar: '-',
    barsize: 24,
    hideCursor: true,
    forceRedraw: true,
    // The commands end cleanly at Ctrl-C by themselves.
    gracefulExit: false,
    formatValue: (value, _, type) => (type === 'percentage' ? `${value}` : value.toLocaleString('en-US')),
  });
  bar.start(total, already, { rate: '', left: '?' });
  return {
    update(done) {
      bar.update(done, now(done));
    },
    log(line) {
      // Over the bar, which is drawn again below it.
      stream.write(`\r\u001b[K${line}\n`);
      bar.render();
    },
    stop() {
      bar.stop();
    },
  };
}
