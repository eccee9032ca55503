import { isRecord, type Redact } from '../cms/json-values.ts';
import { parseResponse, type ResponseBody } from '../cms/response.ts';

const BASE = '/rest/cmsapp/v1/openapi';

/** The interfaces of the CMS for skill queues, by the names that logs and metrics use. */
export const INTERFACE_PATHS = {
  /** Which queues a VDN has. */
  skills: `${BASE}/configures/skills`,
  /** The queues now. */
  totalskillstatusex3: `${BASE}/skill/totalskillstatusex3`,
  /** Calls of a 5-minute slot. */
  servicequality: `${BASE}/skill/servicequality`,
} as const;

export type QueueInterface = keyof typeof INTERFACE_PATHS;
export const QUEUE_INTERFACES = Object.keys(INTERFACE_PATHS) as readonly QueueInterface[];

/** The CTI version does not offer the interface; the access key has no permission for it. */
export const REFUSAL_CODES: readonly string[] = ['0100003', '0101003'];
export const INVALID_PARAMETER = '0100002';

/**
 * Finds the rows of a response: in `resultDesc`, or in `resultDatas` where that has none. A server of version 8.12 and
 * earlier may send `result` instead of `resultCode`.
 * @throws ApiError as {@link parseResponse} does
 */
export function parseQueueResponse(body: unknown, redact: Redact): ResponseBody {
  if (!isRecord(body)) return parseResponse(body, redact);
  const { resultDesc: desc, resultDatas: datas } = body;
  const hasRows = isRecord(desc) || (Array.isArray(desc) && desc.length > 0);
  const resultDesc = !hasRows && Array.isArray(datas) ? datas : desc;
  return parseResponse({ resultCode: body['resultCode'] ?? body['result'], resultDesc }, redact);
}
