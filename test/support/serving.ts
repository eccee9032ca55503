import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { onTestFinished } from 'vitest';

import { systemClock } from '../../src/core/clock.ts';
import { startServer } from '../../src/web-server/server.ts';
import type { RunningServer, ServerOptions } from '../../src/web-server/server.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly details: object;
}

export interface Served extends RunningServer {
  readonly port: number;
  readonly log: LogLine[];
}

/** A server on a free port of 127.0.0.1 that responds with "served" unless set otherwise; it ends with the test. */
export async function serve(options: Partial<ServerOptions> = {}): Promise<Served> {
  const log: LogLine[] = [];
  const keep =
    (level: LogLine['level']) =>
    (details: object, message: string): void => {
      log.push({ level, message, details });
    };
  const server = await startServer({
    handler: (_, res) => {
      res.end('served');
    },
    listenAddresses: ['127.0.0.1:0'],
    logger: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
    clock: systemClock,
    ...options,
  });
  onTestFinished(() => server.close(0));
  return {
    ...server,
    get addresses() {
      return server.addresses;
    },
    port: Number(new URL(server.addresses[0] ?? '').port),
    log,
  };
}

/** A client that can misbehave; it ends with the test. */
export async function dial(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** All that comes until the other side ends. */
export async function received(socket: Socket): Promise<string> {
  if (socket.closed || socket.readableEnded) return '';
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await new Promise<void>((resolve) => {
    socket.once('end', resolve);
    socket.once('close', () => {
      resolve();
    });
  });
  return text;
}
