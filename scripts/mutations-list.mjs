/**
 * One mistake in one place of the sources. `find` stands there once; what replaces it compiles. Mistakes in what is asked
 * for are missing here where the hourly look at missing windows heals them: the tests of src/asked.ts see those.
 */
export const MUTATIONS = [
  // What a row does to the totals.
  {
    name: 'A correction is counted whole again',
    file: 'vdn-ledger.ts',
    find: 'this.#apply(before, counts,',
    replace: 'this.#apply(undefined, counts,',
  },
  {
    name: 'A window is closed at first sight',
    file: 'vdn-ledger.ts',
    find: 'if (begin < closedBefore) this.#open.delete(begin);',
    replace: 'if (isFirst || begin < closedBefore) this.#open.delete(begin);',
  },
  {
    name: 'A closed window is counted anew when its row comes again',
    file: 'vdn-ledger.ts',
    find: "if (before === undefined && this.#counted.has(begin)) return 'ignored';",
    replace: "if (before === undefined && this.#counted.has(begin) && begin < 0) return 'ignored';",
  },
  {
    name: 'A downward correction is forgotten',
    file: 'vdn-ledger.ts',
    find: 'this.#held[field] = Math.max(0, owed);',
    replace: 'this.#held[field] = Math.max(0, owed * 0);',
  },
  {
    name: 'A counter follows a downward correction',
    file: 'vdn-ledger.ts',
    find: 'totals[field] += Math.max(0, -owed);',
    replace: 'totals[field] -= owed;',
  },
  {
    name: 'A row that is an hour late is not counted',
    file: 'vdn-ledger.ts',
    find: 'if (begin < this.#base ||',
    replace: 'if (begin < Math.max(this.#base, this.#seen.newest - 12 * WINDOW_MS) ||',
  },
  // What survives a restart.
  {
    name: 'What is held back is lost at a restart',
    file: 'vdn-ledger.ts',
    find: 'Object.assign(ledger.#held, state.held);',
    replace: 'Object.assign(ledger.#held, {});',
  },
  {
    name: 'Windows that may be corrected are lost at a restart',
    file: 'vdn-ledger.ts',
    find: 'for (const [begin, inbound, answered, outbound] of state.open)',
    replace: 'for (const [begin, inbound, answered, outbound] of state.open.slice(1))',
  },
  {
    name: 'What was counted is lost at a restart',
    file: 'vdn-ledger.ts',
    find: 'new WindowSet(state.base, span, state.counted);',
    replace: 'new WindowSet(state.base, span);',
  },
  {
    name: 'Totals are shown before they are stored',
    file: 'collector.ts',
    find: 'await persist(ledger);\n      store.publish(totalsOf(ledger));',
    replace: 'store.publish(totalsOf(ledger));\n      await persist(ledger);',
  },
  {
    name: 'A correction alone is not stored',
    file: 'collector.ts',
    find: 'changed ||= recorded.changed;',
    replace: 'changed ||= recorded.counted > 0;',
  },
  // What is asked for.
  {
    name: 'An answer in part counts as whole',
    file: 'ledger.ts',
    find: 'if (result.failure === undefined) {',
    replace: 'if (isAnswered) {',
  },
  {
    name: 'What may have been corrected in an outage is not looked at again',
    file: 'catch-up.ts',
    find: 'if (begin >= from && begin < to) push(wantedBy, begin, vdn);',
    replace: 'if (begin >= from && begin < from) push(wantedBy, begin, vdn);',
  },
  {
    name: 'Missing windows are not asked for again',
    file: 'catch-up.ts',
    find: 'Math.floor(latest / SWEEP_MS) > Math.floor(sweptAt / SWEEP_MS);',
    replace: 'Math.floor(latest / SWEEP_MS) > Math.floor(sweptAt / SWEEP_MS) + 1e6;',
  },
  // What the clocks say, and where counting begins.
  {
    name: 'Windows are closed by our clock alone',
    file: 'ledger.ts',
    find: 'const closedBefore = this.regularRange(trusted).from',
    replace: 'const closedBefore = this.regularRange(Math.max(trusted, latest)).from',
  },
  {
    name: 'With vdns: all windows from before the start are counted',
    file: 'ledger.ts',
    find: 'account = this.#account(Math.max(this.#origin, floor));',
    replace: 'account = this.#account(floor);',
  },
  {
    name: 'A clock that is wrong at the first start decides where counting begins',
    file: 'ledger.ts',
    find: 'if (began !== this.#origin) {',
    replace: 'if (began > this.#origin + 1e15) {',
  },
  // What is shown.
  {
    name: 'A gauge outlives stale_after',
    file: 'store.ts',
    find: '> this.#options.staleAfterMs;',
    replace: '> 2 * this.#options.staleAfterMs;',
  },
];
