import type { KeyPair, TlsOptions } from './certificates.ts';
import { createDataset, type Slot } from './dataset.ts';
import { createFaultInjector, type FaultInjector } from './fault-injector.ts';
import type { Fault } from './faults.ts';
import { listen } from './listener.ts';
import type { QueueOptions } from './queue-responses.ts';
import type { SkillQueue } from './queue-traffic.ts';
import { createQueueValues, type LiveValues, type SlotValues } from './queue-values.ts';
import { type CmsOptions, createCms, type ShapeChoice } from './request-handler.ts';
import type { Counters, RequestRecord } from './request-log.ts';
import { createTiming, type TimingOptions } from './row-timing.ts';
import { createVdn, type Vdn, type VdnOptions, type WindowValues } from './traffic.ts';

export const DEFAULT_ACCESS_KEY = 'demo-access-key';
export const DEFAULT_SECRET_KEY = 'demo-secret-key';
const DEFAULT_VDNS = Array.from({ length: 12 }, (_, index) => index + 1);

export interface SimulatorOptions extends TimingOptions {
  readonly host?: string | undefined;
  /** 0, the default, takes any free port. */
  readonly port?: number | undefined;
  /** HTTPS with a CA of its own; default plain HTTP. */
  readonly tls?: boolean | TlsOptions | undefined;
  readonly accessKey?: string | undefined;
  readonly secretKey?: string | undefined;
  /** False takes any or no Authorization header. */
  readonly checkSignatures?: boolean | undefined;
  /** Default 15 minutes. */
  readonly maxClockSkewMs?: number | undefined;
  /** The default call center, and all that are accepted. */
  readonly ccId?: number | undefined;
  readonly ccIds?: readonly number[] | undefined;
  /** Default 1 to 12. */
  readonly vdns?: readonly (number | VdnOptions)[] | undefined;
  readonly seed?: number | undefined;
  /** Traffic without day and night. */
  readonly flat?: boolean | undefined;
  readonly now?: (() => number) | undefined;
  /** Default 1000 days. */
  readonly retentionDays?: number | undefined;
  /** Maximum rows of a page, whatever `limit` says. */
  readonly maxLimit?: number | undefined;
  readonly shape?: ShapeChoice | undefined;
  readonly faults?: readonly Fault[] | undefined;
  /** The skill queues of the VDNs. */
  readonly queues?: QueueOptions | undefined;
  /** Faults can be read and set at `/-/faults`. */
  readonly control?: boolean | undefined;
}

export interface Simulator {
  /** Like `https://127.0.0.1:28443`, without a path. */
  readonly url: string;
  readonly port: number;
  /** With TLS: the CA to trust, a client certificate, and when the server's certificate expires (milliseconds). */
  readonly caPem: string | undefined;
  readonly client: KeyPair | undefined;
  readonly certificateNotAfter: number | undefined;
  readonly vdns: readonly number[];
  readonly faults: readonly Fault[];
  setFaults(faults: readonly Fault[]): void;
  setShape(shape: ShapeChoice): void;
  readonly counters: Readonly<Counters>;
  /** Connections that were ever opened. */
  readonly connections: number;
  /** The last thousand requests, oldest first. */
  readonly requests: readonly RequestRecord[];
  /** The final values of a window, corrections included. Throws for a VDN that is not simulated. */
  truth(vdn: number, start: number): WindowValues;
  /** What is served at a moment, default now; undefined while there is no row. */
  served(vdn: number, start: number, now?: number): WindowValues | undefined;
  /** The queues of a VDN, and what they show at a moment and in a slot. Throws for a VDN that is not simulated. */
  readonly queues: {
    of(vdn: number): readonly SkillQueue[];
    live(vdn: number, queue: number, now?: number): LiveValues;
    slot(vdn: number, queue: number, start: number, now?: number): SlotValues;
  };
  /** Stops at once and destroys open connections. */
  close(): Promise<void>;
}

/** Starts a stand-in for the CMS. Rejects when the address cannot be listened on. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, tls = false, seed = 1, now = () => Date.now() } = options;
  const injector = createFaultInjector(now, seed);
  injector.set(options.faults ?? []);
  const settings = cmsOptions(options, now, injector, seed);
  const { vdns, dataset, queueValues } = settings;
  const cms = createCms(settings);
  const listener = await listen(cms.handle, { host, port, tls: tls === false ? undefined : tls === true ? {} : tls });

  const vdnOf = (id: number): Vdn => {
    const vdn = vdns.get(id);
    if (vdn === undefined) throw new RangeError(`VDN ${id} is not simulated`);
    return vdn;
  };
  const slot = (id: number, start: number): Slot => ({ vdn: vdnOf(id), start });

  return {
    url: listener.url,
    port: listener.port,
    caPem: listener.certificates?.caPem,
    client: listener.certificates?.client,
    certificateNotAfter: listener.certificates?.notAfter,
    vdns: [...vdns.keys()],
    get faults() {
      return injector.faults;
    },
    setFaults: (faults) => {
      injector.set(faults);
    },
    setShape: (shape) => {
      cms.shape = shape;
    },
    counters: cms.counters,
    get connections() {
      return listener.connections;
    },
    requests: cms.requests,
    truth: (vdn, start) => dataset.truth(slot(vdn, start)),
    served: (vdn, start, at = now()) => dataset.served(slot(vdn, start), at),
    queues: {
      of: (vdn) => queueValues.queuesOf(vdnOf(vdn)),
      live: (vdn, queue, at = now()) => queueValues.live(vdnOf(vdn), queue, at),
      slot: (vdn, queue, start, at = now()) => queueValues.slot(vdnOf(vdn), queue, start, at),
    },
    close: () => listener.close(),
  };
}

/** The options of the CMS, with their defaults. */
function cmsOptions(options: SimulatorOptions, now: () => number, injector: FaultInjector, seed: number): CmsOptions {
  const { ccId = 1 } = options;
  const vdns = (options.vdns ?? DEFAULT_VDNS).map((vdn) =>
    createVdn(typeof vdn === 'number' ? { id: vdn } : vdn, seed, options.flat ?? false),
  );
  const retentionMs = (options.retentionDays ?? 1000) * 86_400_000;
  const dataset = createDataset({ timing: createTiming(options), injector, retentionMs });
  const queues = options.queues ?? {};
  return {
    ...{ now, dataset, queues, queueValues: createQueueValues(dataset, queues.perVdn) },
    vdns: new Map<number, Vdn>(vdns.map((vdn) => [vdn.id, vdn])),
    injector,
    ccId,
    ccIds: [ccId, ...(options.ccIds ?? [])],
    shape: options.shape ?? 'example',
    accessKey: options.accessKey ?? DEFAULT_ACCESS_KEY,
    secretKey: options.secretKey ?? DEFAULT_SECRET_KEY,
    maxClockSkewMs: options.maxClockSkewMs ?? 900_000,
    checkSignatures: options.checkSignatures ?? true,
    maxLimit: options.maxLimit ?? Infinity,
    control: options.control ?? false,
  };
}
