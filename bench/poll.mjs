// `npm run bench:poll`: one poll of 100, 1,000 and 5,000 VDNs against the simulator in a process of its own, at
// concurrency 4: wall time, our CPU, requests, memory. "API alone" sends the same requests with a bare HTTP client that
// neither signs nor parses; our own share is what the exporter adds to that. `--latency=50ms` lets the API take its time,
// as a real one does: by default the simulator responds as fast as it can.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { Agent, request } from 'undici';
import { totalsOf } from '../dist/exporter/apply-responses.js';
import { poll } from '../dist/exporter/poll.js';
import { createClientFor } from '../dist/cms/create-client.js';
import { momentOf, systemClock as clock } from '../dist/core/clock.js';
import { encodeLedger } from '../dist/storage/ledger-format.js';
import { DEFAULT_TARGETS } from '../dist/config/targets.js';
import { Ledger } from '../dist/ledger/ledger.js';
import { createLogger } from '../dist/core/log.js';
import { SnapshotStore } from '../dist/exposition/snapshot-store.js';
import { createTelemetry } from '../dist/exposition/self-metrics.js';
import { latestDue } from '../dist/core/window.js';

const { values } = parseArgs({
  options: { latency: { type: 'string', default: '0,50' }, rounds: { type: 'string', default: '5' } },
});
const rounds = Number(values.rounds);
const PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';
const CONCURRENCY = 4;

/** The simulator as a process: its work must not count as ours. */
async function startCms(latencyMs) {
  const code = `
    import { startSimulator } from ${JSON.stringify(new URL('../dist/simulator/simulator.js', import.meta.url).href)};
    const vdns = Array.from({ length: 5000 }, (_, index) => index + 1);
    const faults = ${latencyMs} > 0 ? [{ kind: 'slow', seconds: ${latencyMs / 1000} }] : [];
    const { url } = await startSimulator({ vdns, flat: true, checkSignatures: false, settleLagMs: 0, faults });
    console.log(url);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, url };
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

async function measure(work) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - started, cpuMs: (user + system) / 1000 };
}

/** The same bodies over as many connections, pages of a query one after the other; responses are read and dropped. */
async function bare(url, bodies) {
  const agent = new Agent({ connections: CONCURRENCY, pipelining: 1 });
  const headers = { 'content-type': 'application/json;charset=UTF-8' };
  const queries = new Map();
  for (const body of bodies) {
    const [first] = JSON.parse(body).vdn;
    queries.set(first, [...(queries.get(first) ?? []), body]);
  }
  const limit = pLimit(CONCURRENCY);
  const fetchPages = async (pages) => {
    for (const body of pages) {
      const response = await request(url + PATH, { method: 'POST', headers, body, dispatcher: agent });
      await response.body.arrayBuffer();
    }
  };
  await Promise.all([...queries.values()].map((pages) => limit(() => fetchPages(pages))));
  await agent.close();
}

async function benchmark(url, count) {
  const vdns = Array.from({ length: count }, (_, index) => index + 1);
  const bodies = [];
  const config = {
    ...{ name: 'bench', url, ccId: 1, accessKey: 'ak', secretKey: { value: 'sk' }, proxyUrl: undefined },
    vdns: vdns.map((id) => ({ id, name: '', labels: {}, targets: DEFAULT_TARGETS })),
    poll: { timeoutMs: 60_000, concurrency: CONCURRENCY },
    tls: { insecureSkipVerify: false },
    signing: { headers: ['content-length', 'content-type', 'host'], milliseconds: true, host: undefined },
  };
  const telemetry = createTelemetry('bench').callCenter('bench');
  const client = createClientFor(config, {
    ...{ clock, environment: {}, connections: CONCURRENCY },
    onRequest: (report) => telemetry.request(report),
    onPrepared: ({ body }) => bodies.push(body),
  });
  const samples = [];
  let storedBytes = 0;
  for (let round = 0; round <= rounds; round++) {
    const now = clock.now();
    const latest = latestDue(now, 10_000);
    // A ledger that counts the window: the costlier case.
    const started = { now: now - 3_600_000, monotonic: clock.monotonic() - 3_600_000 };
    const ledger = new Ledger({ vdns, lookbackWindows: 2, catchUpWindows: 288 }, started);
    const store = new SnapshotStore({ ...config, callCenter: 'bench', vdnLabelNames: [], staleAfterMs: 720_000 });
    const context = {
      ...{ client, ledger, store, telemetry, clock, concurrency: CONCURRENCY },
      clocks: () => ({ ...momentOf(clock), apiNow: clock.now() }),
      logger: createLogger('error', 'json', process.stderr),
      persist: async () => (storedBytes = (await encodeLedger('bench', ledger.toState())).length),
      onChange: () => Promise.resolve(),
    };
    bodies.length = 0;
    const range = ledger.regularRange(latest);
    const ours = await measure(async () => {
      const { failure } = await poll(context, { vdns, range, latest }, new AbortController().signal);
      if (failure !== undefined) throw failure;
    });
    if (totalsOf(ledger).get(count).windows !== 3) throw new Error('The poll did not count what it should');
    const requests = bodies.length;
    const alone = await measure(() => bare(url, bodies));
    if (round > 0) samples.push({ ours, alone, requests }); // The first round warms up.
  }
  await client.close();
  const pick = (get) => median(samples.map(get));
  return {
    VDNs: count,
    requests: samples[0].requests,
    'poll ms': pick(({ ours }) => ours.wallMs).toFixed(0),
    'API alone ms': pick(({ alone }) => alone.wallMs).toFixed(0),
    'own share': `${pick(({ ours, alone }) => (100 * (ours.wallMs - alone.wallMs)) / ours.wallMs).toFixed(1)} %`,
    'CPU ms': pick(({ ours }) => ours.cpuMs).toFixed(0),
    'own CPU, us per VDN': pick(({ ours, alone }) => (1000 * (ours.cpuMs - alone.cpuMs)) / count).toFixed(0),
    'RSS MB': (process.memoryUsage.rss() / 1e6).toFixed(0),
    'ledger kB': (storedBytes / 1000).toFixed(0),
  };
}

for (const latency of values.latency.split(',').map(Number)) {
  const { child, url } = await startCms(latency);
  console.log(
    `API latency ${latency} ms, concurrency ${CONCURRENCY}, medians of ${rounds} rounds, Node.js ${process.version}`,
  );
  const table = [];
  for (const count of [100, 1000, 5000]) table.push(await benchmark(url, count));
  console.table(table);
  child.kill();
}
