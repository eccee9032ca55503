/**
 * One mistake in one place of the sources. `find` stands there once; what replaces it compiles. Mistakes in what is asked
 * for are missing here where the hourly look at missing windows heals them: the tests of src/ledger/coverage.ts see those.
 */
export const MUTATIONS = [
  // What a row does to the totals.
  {
    name: 'A correction is counted whole again',
    file: 'ledger/vdn-ledger.ts',
    find: 'this.#apply(before, counts,',
    replace: 'this.#apply(undefined, counts,',
  },
  {
    name: 'A window is closed at first sight',
    file: 'ledger/vdn-ledger.ts',
    find: 'if (start < closedBefore) this.#open.delete(start);',
    replace: 'if (isFirst || start < closedBefore) this.#open.delete(start);',
  },
  {
    name: 'A closed window is counted anew when its row comes again',
    file: 'ledger/vdn-ledger.ts',
    find: "if (before === undefined && this.#counted.has(start)) return 'ignored';",
    replace: "if (before === undefined && this.#counted.has(start) && start < 0) return 'ignored';",
  },
  {
    name: 'A downward correction is forgotten',
    file: 'ledger/vdn-ledger.ts',
    find: 'this.#deficit[field] = Math.max(0, deficit);',
    replace: 'this.#deficit[field] = Math.max(0, deficit * 0);',
  },
  {
    name: 'A counter follows a downward correction',
    file: 'ledger/vdn-ledger.ts',
    find: 'totals[field] += Math.max(0, -deficit);',
    replace: 'totals[field] -= deficit;',
  },
  {
    name: 'A row that is an hour late is not counted',
    file: 'ledger/vdn-ledger.ts',
    find: 'if (start < this.#horizonStart ||',
    replace: 'if (start < Math.max(this.#horizonStart, this.#seen.newest - 12 * WINDOW_MS) ||',
  },
  // What survives a restart.
  {
    name: 'What is deficit back is lost at a restart',
    file: 'ledger/vdn-ledger.ts',
    find: 'Object.assign(ledger.#deficit, state.deficit);',
    replace: 'Object.assign(ledger.#deficit, {});',
  },
  {
    name: 'Windows that may be corrected are lost at a restart',
    file: 'ledger/vdn-ledger.ts',
    find: 'for (const [start, inbound, answered, outbound] of state.open)',
    replace: 'for (const [start, inbound, answered, outbound] of state.open.slice(1))',
  },
  {
    name: 'What was counted is lost at a restart',
    file: 'ledger/vdn-ledger.ts',
    find: 'new WindowSet(state.horizonStart, span, state.counted);',
    replace: 'new WindowSet(state.horizonStart, span);',
  },
  {
    name: 'Totals are shown before they are stored',
    file: 'exporter/poll.ts',
    find: 'await persist(ledger);\n      store.publish(totalsOf(ledger));',
    replace: 'store.publish(totalsOf(ledger));\n      await persist(ledger);',
  },
  {
    name: 'A correction alone is not stored',
    file: 'exporter/poll.ts',
    find: 'changed ||= recorded.changed;',
    replace: 'changed ||= recorded.counted > 0;',
  },
  // What is asked for.
  {
    name: 'An answer in part counts as whole',
    file: 'ledger/ledger.ts',
    find: 'if (result.failure === undefined) {',
    replace: 'if (isAnswered) {',
  },
  {
    name: 'What may have been corrected in an outage is not looked at again',
    file: 'ledger/catch-up-plan.ts',
    find: 'if (start >= from && start < to) push(wantedBy, start, vdn);',
    replace: 'if (start >= from && start < from) push(wantedBy, start, vdn);',
  },
  {
    name: 'Missing windows are not asked for again',
    file: 'ledger/catch-up-plan.ts',
    find: 'Math.floor(latest / RECHECK_MS) > Math.floor(recheckedAt / RECHECK_MS);',
    replace: 'Math.floor(latest / RECHECK_MS) > Math.floor(recheckedAt / RECHECK_MS) + 1e6;',
  },
  // What the clocks say, and where counting begins.
  {
    name: 'Windows are closed by our clock alone',
    file: 'ledger/ledger.ts',
    find: 'const closedBefore = this.regularRange(trusted).from',
    replace: 'const closedBefore = this.regularRange(Math.max(trusted, latest)).from',
  },
  {
    name: 'With vdns: all windows from before the start are counted',
    file: 'ledger/ledger.ts',
    find: 'account = this.#account(Math.max(this.#countingStart, floor));',
    replace: 'account = this.#account(floor);',
  },
  {
    name: 'A clock that is wrong at the first start decides where counting begins',
    file: 'ledger/ledger.ts',
    find: 'if (began !== this.#countingStart) {',
    replace: 'if (began > this.#countingStart + 1e15) {',
  },
  // What is shown.
  {
    name: 'A gauge outlives stale_after',
    file: 'exposition/snapshot-store.ts',
    find: '> this.#options.staleAfterMs;',
    replace: '> 2 * this.#options.staleAfterMs;',
  },
];
