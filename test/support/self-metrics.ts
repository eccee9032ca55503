import { familiesOf, type Telemetry } from '../../src/exposition/self-metrics.ts';
import { selfMetricsText } from '../../src/exposition/text-format.ts';

/** The self-metrics as a scrape shows them in the classic format, without those of the process. */
export async function textOf(telemetry: Pick<Telemetry, 'collect'>): Promise<string> {
  return selfMetricsText(familiesOf(await telemetry.collect()), 'text');
}
