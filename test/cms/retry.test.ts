import { describe, expect, test } from 'vitest';
import type { post } from '../../src/cms/request.ts';
import { ApiError, type ApiErrorOptions } from '../../src/core/errors.ts';
import { isTransient, withRetry } from '../../src/cms/retry.ts';
import { fixedClock } from '../support/fake-clock.ts';

const failure = (options: Partial<ApiErrorOptions>): ApiError =>
  new ApiError('It failed', { reason: 'http', hint: 'Wait', ...options });

describe('a failure', () => {
  test.each<[boolean, Partial<ApiErrorOptions>]>([
    [true, { reason: 'network' }],
    [true, { reason: 'timeout' }],
    [true, { reason: 'invalid' }],
    [true, { status: 503 }],
    [true, { status: 429 }],
    [true, { reason: 'api', resultCode: '0100001' }],
    [false, { status: 403 }],
    [false, { reason: 'auth', status: 401 }],
    [false, { reason: 'tls' }],
    [false, { reason: 'api', resultCode: '0100002' }],
  ])('may pass: %j for %j', (isIt, options) => {
    expect(isTransient(failure(options))).toBe(isIt);
  });
});

describe('a request with retries', () => {
  function trying(failures: readonly ApiError[], signal = new AbortController().signal) {
    const clock = fixedClock(0);
    const seen: number[] = [];
    let tries = 0;
    const send: typeof post = () => {
      const error = failures[tries++];
      return error === undefined
        ? Promise.resolve({ rows: [1, 2], count: undefined, redact: String })
        : Promise.reject(error);
    };
    const options = {
      random: () => 0.5,
      onRetry: (_: ApiError, wait: number) => seen.push(wait),
      onRows: () => undefined,
    };
    // The wrapped function uses nothing but the clock of the options.
    const sent = withRetry(send, options)({}, { clock } as unknown as Parameters<typeof post>[1], signal);
    return { sent, clock, seen, tries: () => tries };
  }

  test('is sent again after pauses that grow, until it succeeds', async () => {
    const { sent, clock, seen } = trying([
      failure({ status: 500 }),
      failure({ status: 502 }),
      failure({ reason: 'timeout' }),
    ]);
    expect((await sent).rows).toEqual([1, 2]);
    expect(clock.skipped).toEqual([1500, 2500, 4500]);
    expect(seen).toEqual(clock.skipped);
  });

  test('waits as long as Retry-After requests', async () => {
    const { sent, clock } = trying([failure({ status: 429, retryAfterMs: 60_000 })]);
    await sent;
    expect(clock.skipped).toEqual([60_000]);
  });

  test('is given up after ten tries', async () => {
    const { sent, clock, tries } = trying(Array<ApiError>(20).fill(failure({ status: 503 })));
    await expect(sent).rejects.toThrow('It failed');
    expect([tries(), clock.skipped.length]).toEqual([10, 9]);
  });

  test('that is refused for good is not sent again', async () => {
    const { sent, tries } = trying([failure({ reason: 'auth', status: 401 })]);
    await expect(sent).rejects.toThrow('It failed');
    expect(tries()).toBe(1);
  });

  test('ends when it is aborted in a pause', async () => {
    const { sent, tries } = trying([failure({ status: 503 })], AbortSignal.abort(new Error('stop')));
    await expect(sent).rejects.toThrow('stop');
    expect(tries()).toBe(1);
  });
});
