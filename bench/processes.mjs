// The programs that the exporter is compared with, and what the kernel says of a process.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';

/** What the program sets itself (src/core/memory.ts), for scripts that run parts of it. */
export const EXPORTER_FLAGS = ['--semi-space-growth-factor=1', '--heap-growing-percent=30'];
/** Nothing: what users start without any setting is measured. The image and the systemd unit set MALLOC_ARENA_MAX=2. */
export const EXPORTER_ENV = {};

export function installed(program) {
  return (process.env.PATH ?? '')
    .split(':')
    .concat('/usr/sbin')
    .some((dir) => existsSync(`${dir}/${program}`));
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilAnswers(url) {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await (await fetch(url)).arrayBuffer();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`${url} did not come up`);
}

/** Starts a program that ends with the benchmark, whatever ends that. */
function startPeer(program, args, options = {}) {
  const child = spawn(program, args, { stdio: 'ignore', ...options });
  const kill = () => child.kill();
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

/**
 * Debian's prometheus-pushgateway with the given text pushed to it, except `process_*`: it has such metrics of its own, and
 * refuses others of the same name whose type it takes for another.
 */
export async function startPushgateway(text) {
  const port = await freePort();
  const child = startPeer('prometheus-pushgateway', [`--web.listen-address=127.0.0.1:${port}`]);
  const url = `http://127.0.0.1:${port}/metrics`;
  await untilAnswers(url);
  const body = text.toString().replaceAll(/^(?:# (?:HELP|TYPE) )?process_.*\n/gm, '');
  const response = await fetch(`${url}/job/bench`, { method: 'PUT', body });
  if (!response.ok) throw new Error(`pushgateway: ${await response.text()}`);
  return { pids: [child.pid], url, stop: () => child.kill() };
}

/** nginx with one worker and the two bodies as files. */
export async function startNginx(directory, { plain, gzip }) {
  const port = await freePort();
  writeFileSync(`${directory}/plain`, plain);
  writeFileSync(`${directory}/gzip`, gzip);
  writeFileSync(
    `${directory}/nginx.conf`,
    `daemon off; worker_processes 1; pid ${directory}/pid; error_log ${directory}/error.log;
     ${process.getuid() === 0 ? 'user root;' : ''}
     events { worker_connections 256; }
     http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; root ${directory};
       ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/tmp;`).join(' ')}
       server { listen 127.0.0.1:${port}; default_type text/plain; location /gzip { add_header Content-Encoding gzip; } } }`,
  );
  const child = startPeer('nginx', ['-c', `${directory}/nginx.conf`], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  const url = `http://127.0.0.1:${port}`;
  await untilAnswers(`${url}/plain`);
  const workers = execFileSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' });
  return { pids: workers.trim().split(/\s+/).map(Number), url, stop: () => child.kill() };
}

/** CPU time of processes, in milliseconds (proc(5): utime and stime in ticks of 10 ms). */
export function cpuMs(pids) {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return sum + (Number(fields[11]) + Number(fields[12])) * 10;
  }, 0);
}

/** Resident memory in MB (10^6 bytes). */
export function rssMb([pid]) {
  return (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024) / 1e6;
}
