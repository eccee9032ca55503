import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { MatchedFaults } from './faults.ts';

const FIREWALL_PAGE =
  '<!DOCTYPE html>\n<html><head><title>Request blocked</title></head>' +
  '<body><h1>Access denied</h1><p>Your request was blocked by the security policy.</p></body></html>\n';

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'Content-Type': 'application/json;charset=UTF-8',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

function sendPage(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': FIREWALL_PAGE.length });
  response.end(FIREWALL_PAGE);
}

/** HTTP 429: there were too many requests. */
export function sendThrottled(response: ServerResponse, retryAfterSeconds: number): void {
  response.setHeader('Retry-After', String(retryAfterSeconds));
  sendPage(response, 429);
}

/**
 * Applies the faults of what is between the client and the CMS: a firewall, an overloaded gateway, a host that is down.
 * Resolves to true when the request needs no other response. `reset` resets the connection.
 */
export async function applyTransportFaults(
  matched: MatchedFaults,
  response: ServerResponse,
  reset: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  const slow = matched.get('slow');
  if (slow !== undefined) await delay((slow.seconds ?? 1) * 1000, undefined, { signal });

  if (matched.has('hang')) return true;
  if (matched.has('reset')) {
    reset();
    return true;
  }
  if (matched.has('close')) {
    response.socket?.end();
    return true;
  }
  if (matched.has('continue')) response.writeContinue();
  return sendGatewayResponse(matched, response);
}

/** Responds in place of the CMS. Returns false when no fault does that. */
function sendGatewayResponse(matched: MatchedFaults, response: ServerResponse): boolean {
  const firewall = matched.get('firewall');
  const throttled = matched.get('throttled');
  const status = matched.get('status');
  if (firewall !== undefined) {
    sendPage(response, firewall.status ?? 403);
  } else if (throttled !== undefined) {
    sendThrottled(response, throttled.seconds ?? 30);
  } else if (status !== undefined) {
    sendJson(response, status.status ?? 503, { error: 'The service is not available' });
  } else if (matched.has('html')) {
    sendPage(response, 200);
  } else if (matched.has('endless')) {
    sendEndlessly(response);
  } else {
    return false;
  }
  return true;
}

/** Sends the body of a successful response, whole or broken. */
export function sendBody(matched: MatchedFaults, response: ServerResponse, body: string, reset: () => void): void {
  response.setHeader('Content-Type', 'application/json;charset=UTF-8');
  const bytes = Buffer.from(body);
  const half = bytes.subarray(0, Math.floor(bytes.length / 2));
  if (matched.has('cut')) {
    response.setHeader('Content-Length', bytes.length);
    response.write(half, () => {
      reset();
    });
    return;
  }
  const sent = matched.has('truncated') ? half : bytes;
  response.setHeader('Content-Length', sent.length);
  response.end(sent);
}

/** Writes rows as fast as they are read, until the client disconnects. */
function sendEndlessly(response: ServerResponse): void {
  response.setHeader('Content-Type', 'application/json;charset=UTF-8');
  response.write('{"resultCode":"0100000","resultDesc":{"count":1,"data":[');
  const piece = '{"beginTime":"0","ccId":1,"vdn":1,"incallNums":1},'.repeat(1000);
  const pump = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', pump);
  pump();
}
