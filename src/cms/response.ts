import { ApiError } from '../core/errors.ts';
import { oneLine } from '../core/format.ts';
import { excerpt, isAbsent, isRecord, type Redact, toNumber } from './json-values.ts';

/** The body of a successful response. */
export interface ResponseBody {
  readonly rows: readonly unknown[];
  /** Rows of the whole query over all pages, when the API says so. */
  readonly count: number | undefined;
}

const SUCCESS_CODES = new Set(['0100000', '0']);

/** What to check for each documented error code (AICC "Error Code Reference"). */
const CODE_HINTS: Readonly<Record<string, string>> = {
  '0100001': 'The CMS could not carry out the call: check its log',
  '0100002': 'The CMS refused a parameter: check cc_id and the VDN ids',
  '0100003': 'This CTI version does not offer the interface: ask the vendor',
  '0100999': 'Unknown exception inside the CMS: check its log',
  '0101003': 'The access key has no permission for this interface: have it granted on the CMS',
};

export const DOCUMENTED_CODES: readonly string[] = Object.keys(CODE_HINTS);

function invalid(message: string): ApiError {
  return new ApiError(message, {
    reason: 'invalid',
    hint: 'Check that url points to the CC-CMS server and not to another service or a proxy page',
  });
}

/**
 * Parses a response body in any of the shapes that the document's tables and examples show.
 * @param body the parsed JSON
 * @param redact for what the errors quote
 * @throws ApiError `api` when the CMS reports a failure, `invalid` when the shape is none of the known ones
 */
export function parseResponse(body: unknown, redact: Redact = (text) => text): ResponseBody {
  if (!isRecord(body)) throw invalid('The response is JSON but not an object');
  const code = body['resultCode'];
  if (typeof code !== 'string' && typeof code !== 'number') throw invalid('The response has no resultCode');

  const desc = body['resultDesc'];
  if (!SUCCESS_CODES.has(String(code).trim())) {
    const resultCode = oneLine(redact(String(code)), 32);
    const text = typeof desc === 'string' ? oneLine(redact(desc), 200) : '';
    throw new ApiError(`The CMS reports resultCode ${resultCode}${text === '' ? '' : `: ${text}`}`, {
      reason: 'api',
      hint: CODE_HINTS[resultCode] ?? "Look the code up in the vendor's Error Code Reference",
      resultCode,
    });
  }

  // The document does not say how "no rows" is written. null means none; a missing field means another format.
  if (desc === null) return { rows: [], count: undefined };
  if (Array.isArray(desc)) return { rows: desc, count: undefined };
  if (!isRecord(desc)) throw invalid('The response has no rows: resultDesc is neither an array nor an object');
  const rows = desc['data'] === null ? [] : desc['data'];
  if (!Array.isArray(rows)) throw invalid('The response has no rows: resultDesc.data is not an array');
  const count = isAbsent(desc['count']) ? undefined : toNumber(desc['count']);
  if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0)) {
    throw invalid(`The count of the response is ${excerpt(desc['count'], redact)}, not a number of rows`);
  }
  return { rows, count };
}
