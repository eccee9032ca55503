// The exporter's web side over made-up window data, as a process of its own to be measured by bench/run.mjs.
// Usage: node bench/exporter.mjs VDNS (forked: speaks over the IPC channel).
import { createServer } from 'node:http';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { systemClock } from '../dist/clock.js';
import { createExposition } from '../dist/exposition.js';
import { metricsHandler } from '../dist/http/metrics-handler.js';
import { createOwnMetrics } from '../dist/runtime-metrics.js';
import { createTelemetry } from '../dist/telemetry.js';

const CALL_CENTER = 'headquarters';
const vdns = Number(process.argv[2]);

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
    vdns: Array.from({ length: vdns }, (_, index) => {
      const [talking, idle, busy, resting, inbound] = [below(40), below(20), below(8), below(6), below(300)];
      const answered = below(inbound + 1);
      return {
        id: index + 1,
        name: `Hotline ${index + 1}`,
        labels: {},
        ccId: 1,
        window: {
          vdn: index + 1,
          begin: 1_763_460_000_000 + version * 300_000,
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

const telemetry = createTelemetry('0.0.0');
const callCenter = telemetry.callCenter(CALL_CENTER);
callCenter.poll({ durationSeconds: 1.2, endedAt: 1_763_460_310, failure: undefined });
callCenter.request({ durationMs: 210, failure: undefined, skewMs: 3 });
callCenter.settled(31);
let current = makeSnapshot(1);
let changes;
const exposition = createExposition({
  sources: () => [{ name: CALL_CENTER, snapshot: () => current }],
  labelNames: () => [],
  ownMetrics: createOwnMetrics(telemetry, systemClock),
});

function change() {
  current = makeSnapshot(current.version + 1);
  void exposition.refresh();
}

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
  await exposition.scrape({ format: 'openmetrics', encoding: 'gzip' });
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  return { ms, cpuMs: (user + system) / 1000, blockedMs: delay.max / 1e6 };
}

const commands = {
  render: measureRender,
  startChanging: (intervalMs) => {
    changes = setInterval(change, intervalMs);
  },
  stopChanging: () => {
    clearInterval(changes);
  },
};

const server = createServer(metricsHandler(exposition)).listen(0, '127.0.0.1', () => {
  process.send({ port: server.address().port });
});
process.on('message', async ({ command, argument }) => {
  process.send({ result: (await commands[command](argument)) ?? null });
});
process.on('disconnect', () => process.exit());
