import fc from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { inOrder, planHistory } from '../../src/history/plan.ts';
import { MAX_RANGE_MS, WINDOW_MS, windowsBetween } from '../../src/core/window.ts';

const START = Date.UTC(2026, 0, 1);
const ids = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const range = (windows: number) => ({ from: START, to: START + windows * WINDOW_MS });

describe('a plan', () => {
  test('requests every window of every VDN exactly once, within the limits of the API', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 230 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 20_000 }),
        (sizes, windows) => {
          const targets = sizes.map((size, index) => ({ callCenter: `c${index}`, vdns: ids(size) }));
          const plan = planHistory(targets, range(windows));
          const upTo = new Map<string, number>();
          let expected = 0;
          for (let index = 0; index < plan.length; index++) {
            const { target, query, isFirstOfGroup, isLastOfGroup, expected: rows } = plan.at(index);
            const { from, to } = query.range;
            if (query.vdns === 'all') throw new Error('ids were requested');
            const rules = {
              vdns: query.vdns.length <= 100,
              days: to - from <= MAX_RANGE_MS,
              rows: rows <= 2_000 && rows === query.vdns.length * windowsBetween(from, to),
              edges: isFirstOfGroup === (from === START) && isLastOfGroup === (to === range(windows).to),
              next: query.vdns.every((id) => from === (upTo.get(`${target}/${id}`) ?? START)),
            };
            if (!Object.values(rules).every(Boolean)) throw new Error(`${index}: ${JSON.stringify(rules)}`);
            for (const id of query.vdns) upTo.set(`${target}/${id}`, to);
            expected += rows;
          }
          expect(upTo.size).toBe(sizes.reduce((a, b) => a + b, 0));
          expect(new Set(upTo.values())).toEqual(new Set([range(windows).to]));
          expect(plan.expected).toBe(expected);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('of a year of 5,000 VDNs is made in a moment', () => {
    const plan = planHistory([{ callCenter: 'a', vdns: ids(5000) }], range(365 * 288));
    expect(plan.length).toBe(50 * Math.ceil((365 * 288) / 20));
    expect(plan.at(plan.length - 1).query.vdns).toEqual(ids(5000).slice(4900));
    expect(() => plan.at(plan.length)).toThrow('There is no step');
  });

  test('requests all VDNs half an hour at a time', () => {
    const plan = planHistory([{ callCenter: 'a', vdns: 'all' }], range(15));
    expect([0, 1, 2].map((index) => windowsBetween(START, plan.at(index).query.range.to))).toEqual([6, 12, 15]);
    expect([plan.length, plan.expected, plan.at(0).query.vdns]).toEqual([3, 15, 'all']);
  });
});

describe('results in order', () => {
  const never = new AbortController().signal;

  test('come in the order of the indexes however long each takes, and no more than so many run at once', async () => {
    let running = 0;
    let most = 0;
    const fetch = async (index: number): Promise<number> => {
      most = Math.max(most, ++running);
      for (let turns = (index * 7) % 5; turns >= 0; turns--) await turn();
      running--;
      return index;
    };
    const results: number[] = [];
    for await (const index of inOrder({ start: 3, end: 20, concurrency: 4 }, fetch, never)) results.push(index);
    expect(results).toEqual(ids(19).slice(2));
    expect(most).toBe(4);
  });

  test('end with the first failure, and the others are aborted', async () => {
    const aborted: number[] = [];
    const fetch = async (index: number, signal: AbortSignal): Promise<number> => {
      if (index === 1) throw new Error('no');
      if (index === 0) return index;
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      aborted.push(index);
      return index;
    };
    const results: number[] = [];
    const work = async () => {
      for await (const index of inOrder({ start: 0, end: 9, concurrency: 3 }, fetch, never)) results.push(index);
    };
    await expect(work()).rejects.toThrow('no');
    expect([results, aborted]).toEqual([[0], [2, 3]]);
  });
});
