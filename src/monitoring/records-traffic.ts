import { merged } from './promql.ts';
import { mostWindows, openFor, type RecordingRule, rise } from './records.ts';
import { quote } from './text.ts';

/** Inbound calls per window over the last 15 minutes, only while the line is open; and what is usual at this time. */
export const CALLS = 'vdn:aicc_cti_calls:window15m';
export const USUAL_CALLS = 'vdn:aicc_cti_calls:usual';
/** The greater of two values, or the one that there is. */
const greater = (a: string, b: string): string =>
  `max without (week) (label_replace(${a}, "week", "1", "", "") or ${b})`;

/**
 * A function of a line's calls from two hours before to an hour after this time a week ago: a day may be an hour off, as
 * clocks may have been changed since.
 */
export const lastWeek = (of: string): string => `${of}${CALLS}[3h] offset 6d23h)`;
export const weekBefore = (of: string): string => `${of}${CALLS}[3h] offset 13d23h)`;

/**
 * Calls per counted window, so that a window that is missing does not look like less traffic. Three in four values of
 * last week are above the usual one; the week before is a second witness, as last week may have had a holiday.
 */
export const WEEK_RECORDS: readonly RecordingRule[] = [
  {
    record: CALLS,
    // A replica that is behind counts no windows now.
    expr: merged(quote`
      ${rise('inbound_calls', 15)} / (${rise('windows', 15)} > 1 <= ${mostWindows(15)})
        and ${openFor(20)}`),
  },
  {
    record: USUAL_CALLS,
    expr: greater(lastWeek('quantile_over_time(0.25, '), weekBefore('quantile_over_time(0.25, ')),
  },
];
