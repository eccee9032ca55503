// A process with the simulator alone, so that its share of a benchmark can be told apart.
import { startSimulator } from '../dist/simulator/simulator.js';

const vdns = Array.from({ length: Number(process.argv[2]) }, (_, index) => index + 1);
const simulator = await startSimulator({ vdns, flat: true });
process.send({ url: simulator.url });
process.on('message', () => process.send({ requests: simulator.counters.requests, rows: simulator.counters.rows }));
