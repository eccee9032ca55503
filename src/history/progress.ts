import { SingleBar } from 'cli-progress';
import type { Clock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';

/** Without a terminal, a line is written this often. */
const LINE_EVERY_MS = 10_000;

export interface ProgressOptions {
  /** Such as `Backfill`. */
  readonly title: string;
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly clock: Clock;
  /** All windows, and those done by an earlier run. */
  readonly total: number;
  readonly done: number;
}

/** Shows the progress of a long command: a bar on a terminal, lines elsewhere. */
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
  // Above an hour seconds do not matter.
  const rounded = seconds > 3600 ? Math.ceil(seconds / 60) * 60 : Math.max(0, seconds);
  return {
    rate: `${Math.round(perMs * 1000).toLocaleString('en-US')}/s`,
    left: Number.isFinite(rounded) ? formatDuration(rounded * 1000) : '?',
  };
}

type Pace = (done: number) => ReturnType<typeof pace>;

/** Starts to show progress. `stop` must be called: it shows the cursor again. */
export function startProgress(options: ProgressOptions): Progress {
  const { stream, clock, total, done: already } = options;
  const started = clock.monotonic();
  const paceAt: Pace = (done) => pace(done - already, total - already, clock.monotonic() - started);
  return stream.isTTY === true ? barProgress(options, paceAt) : lineProgress(options, paceAt);
}

function lineProgress({ title, stream, clock, total }: ProgressOptions, paceAt: Pace): Progress {
  let last = clock.monotonic();
  return {
    update(done) {
      if (clock.monotonic() - last < LINE_EVERY_MS) return;
      last = clock.monotonic();
      const { rate, left } = paceAt(done);
      const share = `${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} windows`;
      stream.write(`${title}: ${share} (${Math.floor((done / total) * 100)}%), ${rate}, ${left} left\n`);
    },
    log: (line) => stream.write(`${line}\n`),
    stop: () => undefined,
  };
}

function barProgress({ title, stream, total, done: already }: ProgressOptions, paceAt: Pace): Progress {
  const bar = new SingleBar({
    stream,
    format: `${title} [{bar}] {percentage}% | {value}/{total} windows | {rate} | {left} left`,
    barCompleteChar: '#',
    barIncompleteChar: '-',
    barsize: 24,
    hideCursor: true,
    forceRedraw: true,
    // The commands handle Ctrl-C themselves.
    gracefulExit: false,
    formatValue: (value, _, type) => (type === 'percentage' ? `${value}` : value.toLocaleString('en-US')),
  });
  bar.start(total, already, { rate: '', left: '?' });
  return {
    update(done) {
      bar.update(done, paceAt(done));
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
