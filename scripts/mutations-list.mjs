/**
 * Mistakes that a test must catch. `find` stands exactly once in src/`file`; the sources with `replace` in its place
 * compile. With `test`, a test of that file must fail. Without, the random scenarios of test/ledger/model must count
 * wrong: that is left to a test file where the hourly recheck makes up for the mistake.
 */
export const MUTATIONS = [
  // What a row does to the totals.
  {
    name: 'A correction is counted as a whole row',
    file: 'ledger/vdn-account.ts',
    find: 'this.#apply(before, counts,',
    replace: 'this.#apply(undefined, counts,',
  },
  {
    name: 'A window is closed by its first row',
    file: 'ledger/vdn-account.ts',
    find: 'if (start < closedBefore) this.#open.delete(start);',
    replace: 'if (isFirst || start < closedBefore) this.#open.delete(start);',
  },
  {
    name: 'A closed window is counted anew when its row comes again',
    file: 'ledger/vdn-account.ts',
    find: "if (before === undefined && this.#counted.has(start)) return 'ignored';",
    replace: "if (before === undefined && this.#counted.has(start) && start < 0) return 'ignored';",
  },
  {
    name: 'A downward correction is forgotten',
    file: 'ledger/vdn-account.ts',
    find: 'this.#deficit[field] = Math.max(0, deficit);',
    replace: 'this.#deficit[field] = Math.max(0, deficit * 0);',
  },
  {
    name: 'A counter follows a downward correction',
    file: 'ledger/vdn-account.ts',
    find: 'totals[field] += Math.max(0, -deficit);',
    replace: 'totals[field] -= deficit;',
  },
  {
    name: 'A row that is an hour late is not counted',
    file: 'ledger/vdn-account.ts',
    find: 'if (start < this.#horizonStart ||',
    replace: 'if (start < Math.max(this.#horizonStart, this.#seen.newest - 12 * WINDOW_MS) ||',
  },
  // What survives a restart.
  {
    name: 'The deficit is lost at a restart',
    file: 'ledger/vdn-account.ts',
    find: 'Object.assign(account.#deficit, state.deficit);',
    replace: 'Object.assign(account.#deficit, {});',
  },
  {
    name: 'Open windows are lost at a restart',
    file: 'ledger/vdn-account.ts',
    find: 'for (const [start, inbound, answered, outbound] of state.open)',
    replace: 'for (const [start, inbound, answered, outbound] of state.open.slice(1))',
  },
  {
    name: 'Counted windows are lost at a restart',
    file: 'ledger/vdn-account.ts',
    find: 'new WindowBitset(state.horizonStart, span, state.counted);',
    replace: 'new WindowBitset(state.horizonStart, span);',
  },
  {
    name: 'Totals are shown before they are stored',
    file: 'exporter/apply-responses.ts',
    find: 'await context.persist(ledger);\n    store.publish(totalsOf(ledger));',
    replace: 'store.publish(totalsOf(ledger));\n    await context.persist(ledger);',
  },
  {
    name: 'A correction alone is not stored',
    file: 'exporter/apply-responses.ts',
    find: 'changed ||= recorded.changed;',
    replace: 'changed ||= recorded.counted > 0;',
  },
  {
    name: 'A new ledger file is not synced',
    file: 'storage/atomic-file.ts',
    find: 'await file.sync();',
    replace: '',
    test: 'test/storage/fsync.test.ts',
  },
  {
    name: 'The directory of a new ledger file is not synced',
    file: 'storage/atomic-file.ts',
    find: 'await directory.sync();',
    replace: '',
    test: 'test/storage/fsync.test.ts',
  },
  // What is requested.
  {
    name: 'A part of a response counts as the whole',
    file: 'ledger/ledger.ts',
    find: 'if (result.failure === undefined) this.#markAnswered(',
    replace: 'if (isAnswered(result)) this.#markAnswered(',
  },
  {
    name: 'Windows that may have been corrected in an outage are not requested again',
    file: 'ledger/catch-up-plan.ts',
    find: 'for (const start of account.openWindows()) if (start >= from && start < to) yield start;',
    replace: 'for (const start of account.openWindows()) if (start >= from && start < from) yield start;',
  },
  {
    name: 'Missing windows are not requested again',
    file: 'ledger/catch-up-plan.ts',
    find: 'Math.floor(latest / RECHECK_MS) > Math.floor(recheckedAt / RECHECK_MS);',
    replace: 'Math.floor(latest / RECHECK_MS) > Math.floor(recheckedAt / RECHECK_MS) + 1e6;',
  },
  // Clocks, and where counting starts.
  {
    name: 'Windows are closed by our clock alone',
    file: 'ledger/ledger.ts',
    find: 'const horizon = horizonOf(this.#options, latest, clock.latest);',
    replace:
      'const horizon = { ...horizonOf(this.#options, latest), floor: horizonOf(this.#options, clock.latest).floor };',
  },
  {
    name: 'With vdns: all windows from before the start are counted',
    file: 'ledger/ledger.ts',
    find: 'account = this.#newAccount(Math.max(this.#start.window, floor));',
    replace: 'account = this.#newAccount(floor);',
  },
  {
    name: 'A clock that is wrong at the first start decides where counting starts',
    file: 'ledger/counting-start.ts',
    find: 'if (hasMoved) this.#window = window;',
    replace: 'if (hasMoved) this.#window += 0;',
  },
  {
    name: 'A row of zeros proves the time',
    file: 'ledger/activity.ts',
    find: '(row[field] ?? 0) > 0',
    replace: '(row[field] ?? 0) >= 0',
    test: 'test/ledger/wrong-clocks.test.ts',
  },
  {
    name: 'Without a Date header our clock is believed',
    file: 'ledger/trusted-clock.ts',
    find: 'latestEnded(Math.min(now, second))',
    replace: 'latestEnded(Math.min(now, believed ?? now + 0 * second))',
    test: 'test/ledger/wrong-clocks.test.ts',
  },
  {
    name: 'A Date header hours ahead is believed although our signatures are accepted',
    file: 'ledger/trusted-clock.ts',
    find: '(isAccepted && apiNow - now > SIGNATURE_TOLERANCE_MS)',
    replace: '(isAccepted && apiNow - now > 1e3 * SIGNATURE_TOLERANCE_MS)',
    test: 'test/ledger/wrong-clocks.test.ts',
  },
  {
    name: 'The start of counting is fixed by a response without activity while the clocks differ',
    file: 'ledger/counting-start.ts',
    find: '!isAnswered || (clock.isDisputed',
    replace: '!isAnswered || (!isAnswered && clock.isDisputed',
    test: 'test/ledger/wrong-clocks.test.ts',
  },
  {
    name: 'Windows age from when the response came',
    file: 'ledger/trusted-clock.ts',
    find: 'apiNow - (monotonic - sent.monotonic)',
    replace: 'apiNow - 0 * (monotonic - sent.monotonic)',
    test: 'test/ledger/wrong-clocks.test.ts',
  },
  {
    name: 'The clocks of a query are those of its response',
    file: 'exporter/apply-responses.ts',
    find: 'clocksAt(sent, context.clocks())',
    replace: 'clocksAt(context.clocks(), { ...context.clocks(), now: sent.now })',
    test: 'test/exporter/sent-clocks.test.ts',
  },
  // Late rows, and what a failure leaves to be requested.
  {
    name: 'A failed recheck is forgotten',
    file: 'ledger/ledger.ts',
    find: 'account.retry(query.range);',
    replace: 'account.hasRetries;',
    test: 'test/ledger/late-rows.test.ts',
  },
  {
    name: 'A failed recheck is forgotten at a restart',
    file: 'ledger/vdn-account.ts',
    find: "account.#hasRetries = state.retries !== '';",
    replace: "account.#hasRetries = state.retries === ' ';",
    test: 'test/ledger/late-rows.test.ts',
  },
  {
    name: 'Windows of zeros are not requested again',
    file: 'ledger/catch-up-plan.ts',
    find: 'if (isDue(start) && !account.isOpen(start)) yield start;',
    replace: 'if (isDue(start) && account.isOpen(start)) yield start;',
    test: 'test/ledger/late-rows.test.ts',
  },
  {
    name: 'Zeros of VDNs without traffic are requested again',
    file: 'ledger/vdn-account.ts',
    find: 'return this.#counted.count(from, to) > this.#zeros.count(from, to);',
    replace: 'return this.#counted.count(from, to) >= this.#zeros.count(from, to);',
    test: 'test/ledger/late-rows.test.ts',
  },
  {
    name: 'Failed queries of a catch-up count as covered',
    file: 'ledger/ledger.ts',
    find: 'if (unfinished.has(unit)) continue;',
    replace: 'if (unfinished.has(unit) && unit < 0) continue;',
    test: 'test/ledger/coverage-kept.test.ts',
  },
  {
    name: 'The time of the last recheck may lie in the future',
    file: 'ledger/ledger.ts',
    find: 'Math.min(catchUp.recheckedAt, latest)',
    replace: 'catchUp.recheckedAt',
    test: 'test/ledger/coverage-kept.test.ts',
  },
  {
    name: 'A recheck skips the newest three windows',
    file: 'ledger/catch-up-plan.ts',
    find: 'windowsIn({ from: horizon.floor, to: upTo + WINDOW_MS })',
    replace: 'windowsIn({ from: horizon.floor, to: upTo - 2 * WINDOW_MS })',
    test: 'test/ledger/coverage-kept.test.ts',
  },
  {
    name: 'Of two covered runs the older one is kept',
    file: 'ledger/coverage.ts',
    find: 'if (b.from > a.last + WINDOW_MS) return b;',
    replace: 'if (b.from > a.last + WINDOW_MS) return a;',
    test: 'test/ledger/coverage-kept.test.ts',
  },
  {
    name: 'A switch from all VDNs to a list forgets the coverage',
    file: 'ledger/coverage.ts',
    find: '(upTo.get(vdn) ?? all ?? before)',
    replace: '(upTo.get(vdn) ?? before + 0 * (all ?? 0))',
    test: 'test/ledger/coverage-kept.test.ts',
  },
  // What is shown.
  {
    name: 'A snapshot is shown although its windows are stale',
    file: 'exposition/snapshot-store.ts',
    find: 'moment <= freshUntil &&',
    replace: 'moment <= freshUntil * Infinity &&',
    test: 'test/exposition/snapshot-store.test.ts',
  },
  {
    name: 'A gauge outlives stale_after',
    file: 'exposition/snapshot-store.ts',
    find: '> this.#options.staleAfterMs;',
    replace: '> 2 * this.#options.staleAfterMs;',
  },
];
