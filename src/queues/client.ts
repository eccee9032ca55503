import { type ApiClientOptions, chunks } from '../cms/client.ts';
import type { Redact } from '../cms/json-values.ts';
import { type PageResponse, post, type RequestReport } from '../cms/request.ts';
import { MAX_QUEUES, type QueuesConfig } from '../config/schema.ts';
import { ApiError } from '../core/errors.ts';
import { INTERFACE_PATHS, INVALID_PARAMETER, parseQueueResponse, type QueueInterface } from './interfaces.ts';
import { createPace } from './pace.ts';
import {
  type Parsed,
  parseQueue,
  parseSlot,
  parseStatus,
  type Queue,
  type QueueSlot,
  type QueueStatus,
} from './rows.ts';

/** Rows of `configures/skills` that a VDN may have; they bound the size of the response. */
const MAX_SKILLS = 4000;

/** The CMS allows one request a second; a little more makes up for clocks that differ. */
const SERVICE_QUALITY_INTERVAL_MS = 1010;

/** What a response brought. */
export interface QueueRows<Row> {
  /** One for each queue (and slot), the last one where the CMS repeats itself. */
  readonly rows: readonly Row[];
  /** Why rows were not used: one line each, without secrets. */
  readonly rejected: readonly string[];
}

/** The queues of a call center. Every method rejects with ApiError, or with the reason of `signal` when it is aborted. */
export interface QueueClient {
  queues(vdn: number, signal: AbortSignal): Promise<QueueRows<Queue>>;
  status(vdn: number, ids: readonly number[], signal: AbortSignal): Promise<QueueRows<QueueStatus>>;
  /** Waits until each request may be sent: at most one a second. */
  slots(vdn: number, ids: readonly number[], signal: AbortSignal): Promise<QueueRows<QueueSlot>>;
  close(): Promise<void>;
}

export interface QueueClientOptions extends Omit<ApiClientOptions, 'onRequest'> {
  /** Called after each request. */
  readonly onQueueRequest: (name: QueueInterface, report: RequestReport) => void;
  readonly requestForm: QueuesConfig['requestForm'];
}

type Form = QueuesConfig['requestForm'];

type SendRequest = (name: QueueInterface, request: Request, signal: AbortSignal) => Promise<PageResponse>;

/** Sends requests in the form that each interface accepts, at the pace that the CMS allows. */
function createSender(options: QueueClientOptions): SendRequest {
  const { send = post, ccId, requestForm } = options;
  const forms = new Map<QueueInterface, { form: Form; isProven: boolean }>();
  const pace = createPace(options.clock, SERVICE_QUALITY_INTERVAL_MS);

  async function sendIn(form: Form, name: QueueInterface, request: Request, signal: AbortSignal) {
    const { expectedRows, ...fields } = request;
    const flat = { ccId, ...fields };
    const payload = form === 'flat' ? flat : { queryParam: flat };
    const onRequest = (report: RequestReport) => {
      options.onQueueRequest(name, report);
    };
    const more = { path: INTERFACE_PATHS[name], parse: parseQueueResponse, expectedRows, onRequest };
    const sendNow = () => send(payload, { ...options, ...more }, signal);
    return name === 'servicequality' ? pace(sendNow, signal) : sendNow();
  }

  /** Where the form of requests is not known yet, tries the other one after an "invalid parameter". */
  return async (name, request, signal) => {
    // The examples of the other two interfaces are flat.
    const known = forms.get(name) ?? { form: name === 'skills' ? requestForm : 'flat', isProven: false };
    const attempt = async (form: Form) => {
      const response = await sendIn(form, name, request, signal);
      forms.set(name, { form, isProven: true });
      return response;
    };
    try {
      return await attempt(known.form);
    } catch (error) {
      const mayBeForm = error instanceof ApiError && error.resultCode === INVALID_PARAMETER && !known.isProven;
      if (!mayBeForm) throw error;
    }
    return attempt(known.form === 'flat' ? 'wrapped' : 'flat');
  };
}

/** Checks a row for the queues that were requested. */
type ParseRequested<Row> = (row: unknown, requested: ReadonlySet<number>, redact: Redact) => Parsed<Row>;

/** Builds the client of one call center. */
export function createQueueClient(options: QueueClientOptions): QueueClient {
  const sendRequest = createSender(options);

  /** Requests the queues in groups of at most as many as a request may have. */
  async function requestIds<Row>(
    name: QueueInterface,
    { vdn, ids }: { readonly vdn: number; readonly ids: readonly number[] },
    { parse, key }: { readonly parse: ParseRequested<Row>; readonly key: (row: Row) => number | string },
    signal: AbortSignal,
  ): Promise<QueueRows<Row>> {
    const found: QueueRows<Row>[] = [];
    for (const group of chunks(ids, MAX_QUEUES)) {
      // Rows may come twice: in resultDesc and in resultDatas.
      const request = { vdn, skillIds: group, expectedRows: 2 * group.length };
      const response = await sendRequest(name, request, signal);
      const requested = new Set(group);
      found.push(collect(response, (row, redact) => parse(row, requested, redact), key));
    }
    return { rows: found.flatMap(({ rows }) => rows), rejected: found.flatMap(({ rejected }) => rejected) };
  }

  return {
    async queues(vdn, signal) {
      const response = await sendRequest('skills', { vdn, expectedRows: MAX_SKILLS }, signal);
      return collect(response, parseQueue, ({ id }) => id);
    },
    status: (vdn, ids, signal) =>
      requestIds('totalskillstatusex3', { vdn, ids }, { parse: parseStatus, key: ({ id }) => id }, signal),
    slots: (vdn, ids, signal) =>
      requestIds(
        'servicequality',
        { vdn, ids },
        { parse: parseSlot, key: ({ id, start }) => `${id}/${start}` },
        signal,
      ),
    close: () => options.close(),
  };
}

interface Request {
  readonly vdn: number;
  readonly skillIds?: readonly number[];
  readonly expectedRows: number;
}

function collect<Row>(
  { rows: raw, redact }: PageResponse,
  parse: (row: unknown, redact: Redact) => Parsed<Row>,
  key: (row: Row) => number | string,
): QueueRows<Row> {
  const rows = new Map<number | string, Row>();
  const rejected: string[] = [];
  for (const item of raw) {
    const parsed = parse(item, redact);
    if ('row' in parsed) rows.set(key(parsed.row), parsed.row);
    else rejected.push(parsed.rejected);
  }
  return { rows: [...rows.values()], rejected };
}
