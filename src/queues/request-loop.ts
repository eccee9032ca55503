import { after, type Clock, type Moment, momentOf, msUntil, sleepUntil } from '../core/clock.ts';
import { ApiError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { InterfaceHealth } from './health.ts';

/** The requests to one interface, each for one VDN. */
export interface RequestLoopOptions {
  readonly vdns: readonly number[];
  /** Requests under way at once. */
  readonly workers: number;
  readonly health: InterfaceHealth;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds from the start of the loop to the first request for the VDN at this place in the list. */
  readonly firstInMs: (index: number) => number;
  /**
   * Requests one VDN. Returns after how many milliseconds it is due again, from the start of this request.
   * @throws ApiError, or the reason of `signal` when it is aborted
   */
  readonly request: (vdn: number, signal: AbortSignal) => Promise<number>;
  /** Milliseconds until a VDN is requested again whose request failed. */
  readonly retryInMs: number;
}

interface Task {
  readonly vdn: number;
  dueAt: Moment;
  isUnderWay: boolean;
}

/** Waits of workers that have nothing to do. */
const IDLE_MS = 5_000;
/** After a bug. */
const UNEXPECTED_RETRY_MS = 300_000;

/** Requests every VDN when it is due, until `signal` is aborted. */
export async function runRequestLoop(options: RequestLoopOptions, signal: AbortSignal): Promise<void> {
  const { vdns, clock, firstInMs } = options;
  const started = momentOf(clock);
  const tasks = vdns.map((vdn, index): Task => ({
    vdn,
    dueAt: after(started, firstInMs(index)),
    isUnderWay: false,
  }));
  const workers = Math.min(options.workers, vdns.length);
  await Promise.all(Array.from({ length: workers }, (_, index) => work(options, tasks, index === 0, signal)));
}

/** @param isFirst the one worker that tries an interface which the CMS refuses */
async function work(
  options: RequestLoopOptions,
  tasks: readonly Task[],
  isFirst: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { clock, health } = options;
  while (!signal.aborted) {
    const task = health.status.isRefused && !isFirst ? undefined : nextTask(tasks);
    const now = momentOf(clock);
    const dueAt = task === undefined ? after(now, IDLE_MS) : later(task.dueAt, health.pausedUntil);
    if (task === undefined || msUntil(dueAt, now) > 0) await sleepUntil(clock, dueAt, signal);
    else await requestVdn(options, task, signal);
  }
}

function nextTask(tasks: readonly Task[]): Task | undefined {
  let next: Task | undefined;
  for (const task of tasks) {
    if (!task.isUnderWay && (next === undefined || task.dueAt.monotonic < next.dueAt.monotonic)) next = task;
  }
  return next;
}

function later(a: Moment, b: Moment): Moment {
  return a.monotonic > b.monotonic ? a : b;
}

async function requestVdn(options: RequestLoopOptions, task: Task, signal: AbortSignal): Promise<void> {
  const { clock, logger, health, retryInMs } = options;
  const started = momentOf(clock);
  task.isUnderWay = true;
  let inMs = retryInMs;
  try {
    inMs = await options.request(task.vdn, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof ApiError) health.failed(task.vdn, error);
    else {
      inMs = UNEXPECTED_RETRY_MS;
      logger.error({ err: error instanceof Error ? error.stack : String(error) }, 'A request ended unexpectedly');
    }
  } finally {
    task.isUnderWay = false;
  }
  task.dueAt = after(started, inMs);
}
