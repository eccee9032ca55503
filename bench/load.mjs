// Puts load on one URL and says how it went: with wrk where it is installed, otherwise with Node's own client, which
// is slower than what it measures.
import { execFile } from 'node:child_process';
import { Agent, get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';

export const CONNECTIONS = 8;

const UNITS = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

async function withWrk({ url, headers, seconds }) {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '60s', '--latency'];
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  const { stdout } = await promisify(execFile)('wrk', [...args, url]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${url} failed under load:\n${stdout}`);
  const requests = Number(/(\d+) requests in/.exec(stdout)[1]);
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s|m)\b/.exec(stdout);
  return { requests, perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]), p99: Number(p99) * UNITS[unit] };
}

async function withNode({ url, headers, seconds }) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const times = [];
  const start = performance.now();
  const once = () =>
    new Promise((resolve, reject) => {
      get(url, { headers, agent }, (res) => res.on('end', resolve).on('error', reject).resume()).on('error', reject);
    });
  const worker = async () => {
    while (performance.now() - start < seconds * 1000) {
      const began = performance.now();
      await once();
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const elapsed = (performance.now() - start) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  return { requests: times.length, perSecond: times.length / elapsed, p99: times[Math.floor(times.length * 0.99)] };
}

/** @returns a function ({ url, headers, seconds }) => { requests, perSecond, p99 in ms } */
export function loader(wrkInstalled) {
  return wrkInstalled ? withWrk : withNode;
}
