import { windowAt } from '../../../src/core/window.ts';
import { readLedger, runProcess } from './exporter-process.ts';
import { Oracle } from './oracle.ts';
import { endOf, type Kill, type Scenario, START, VDNS } from './scenario.ts';
import { SIGNATURE_TOLERANCE_MS } from './upstream-client.ts';
import { Upstream } from './upstream.ts';
import { World } from './world.ts';

/**
 * Runs a scenario in simulated time, one process after the other.
 * @returns what is wrong, one sentence each; empty when all is well
 */
export async function runScenario(scenario: Scenario): Promise<string[]> {
  const world = new World(scenario.steps);
  const lastWindow = windowAt(START + scenario.troubledMs);
  const upstream = new Upstream({ ...scenario.upstream, vdns: VDNS, lastWindow });
  const oracle = new Oracle(upstream);
  let { settings } = scenario;
  let file: string | undefined;
  /** Whether nobody can know which clock is right when the process starts without a ledger. */
  const isAmbiguous = () => {
    const { hasDate, dateErrorMs, checksClock } = scenario.upstream;
    if (file !== undefined || world.clockError === 0) return false;
    return !hasDate || dateErrorMs !== 0 || (!checksClock && world.clockError < -SIGNATURE_TOLERANCE_MS);
  };
  const run = (kill: Kill | undefined) => runProcess({ scenario, settings, world, upstream, oracle, kill, file });

  for (const kill of [...scenario.kills].sort((a, b) => a.at - b.at)) {
    if (world.trueNow - START >= scenario.troubledMs) break;
    if (world.trueNow - START > kill.at + kill.length) continue;
    if (isAmbiguous()) return [];
    const isFirstClockWrong = file === undefined && world.clockError !== 0;
    const outcome = await run(kill);
    // A wrong start of counting that was stored before the API's clock was known is documented behavior.
    if (isFirstClockWrong && !outcome.knewApiClock) return [];
    // Neither is known to the next process what no row had decided: it goes on from the later start.
    if (oracle.isUndecided) return [];
    world.pass(kill.length);
    file = kill.losesFile ? undefined : outcome.file;
    settings = kill.next;
  }
  if (isAmbiguous()) return [];
  const { file: last } = await run(undefined);
  oracle.onEnd(scenario, readLedger(last), endOf(scenario));
  return [...oracle.problems];
}
