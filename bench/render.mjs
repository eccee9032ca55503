// Measures how long it takes to render generated window data, as a process of its own for bench/run.mjs: the
// real `serve` does it between polls, where it cannot be told apart from the rest.
// Usage: node bench/render.mjs VDNS ROUNDS (forked: speaks over the IPC channel).
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { DEFAULT_TARGETS } from '../dist/config/targets.js';
import { systemClock } from '../dist/core/clock.js';
import { openingStatesAt } from '../dist/exposition/opening-states.js';
import { createExposition } from '../dist/exposition/exposition.js';
import { createSelfMetrics } from '../dist/exposition/runtime-metrics.js';
import { createTelemetry } from '../dist/exposition/self-metrics.js';

const CALL_CENTER = 'headquarters';
const openings = openingStatesAt(Date.now(), []);
const [vdns, rounds] = process.argv.slice(2).map(Number);

/** A small generator (mulberry32), so that every run sees the same numbers. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

function makeSnapshot(version) {
  const below = random(version);
  return {
    callCenter: CALL_CENTER,
    version,
    isCurrentAt: () => true,
    vdns: Array.from({ length: vdns }, (_, index) => {
      const [talking, idle, busy, resting, inbound] = [below(40), below(20), below(8), below(6), below(300)];
      const answered = below(inbound + 1);
      return {
        id: index + 1,
        name: `Hotline ${index + 1}`,
        labels: {},
        ccId: 1,
        targets: DEFAULT_TARGETS,
        opening: openings.of(undefined),
        window: {
          vdn: index + 1,
          start: 1_763_460_000_000 + version * 300_000,
          ...{ agentsOnline: talking + idle + busy + resting, talking, idle, busy, resting, inbound, answered },
          answerRate: inbound === 0 ? 0 : Math.round((100 * answered) / inbound),
          outbound: below(100),
        },
        totals: {
          inbound: below(1e6),
          answered: below(1e6),
          outbound: below(1e5),
          windows: 8640 + version,
          revised: below(20),
          missing: below(5),
        },
      };
    }),
  };
}

let current = makeSnapshot(1);
const exposition = createExposition({
  sources: () => [{ name: CALL_CENTER, snapshot: () => current }],
  labelNames: () => [],
  now: () => systemClock.now(),
  selfMetrics: createSelfMetrics(createTelemetry('0.0.0'), systemClock),
});
const scrape = () => exposition.scrape({ format: 'openmetrics', encoding: 'gzip' });

/** Renders one change with nothing else to do, and measures it. */
async function measureRender() {
  const next = makeSnapshot(current.version + 1);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.reset();
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  current = next;
  await scrape();
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  return { ms, cpuMs: (user + system) / 1000, blockedMs: delay.max / 1e6 };
}

await scrape();
const renders = [];
for (let round = 0; round < rounds; round++) renders.push(await measureRender());
process.send(renders);
process.disconnect();
