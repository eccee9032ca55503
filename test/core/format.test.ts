import { describe, expect, test } from 'vitest';
import { ApiError, ConfigError, OperationError, UsageError } from '../../src/core/errors.ts';
import { count, errorCode, errorMessage, formatIds, idRanges, oneLine, printable } from '../../src/core/format.ts';
import { createLogger, LOG_FORMATS } from '../../src/core/log.ts';

/** What a certificate, a header or a response may hold: a terminal command, C1, a direction override, half a pair. */
const HOSTILE = 'a\u001b[31mb\u009b2Jc\u202egnp\ud800\u2028\u007f';
const HARMLESS = String.raw`a\u001b[31mb\u009b2Jc\u202egnp\ud800\u2028\u007f`;

test('counts have the number of their noun, and thousands are separated', () => {
  expect(count(1, 'window')).toBe('1 window');
  expect(count(0, 'window')).toBe('0 windows');
  expect(count(1234, 'window')).toBe('1,234 windows');
  expect([count(1, 'query', 'queries'), count(2, 'query', 'queries')]).toEqual(['1 query', '2 queries']);
});

test('ids are written as the --vdn flag reads them, and cut where they become too long', () => {
  expect(idRanges([1, 2, 3, 7])).toEqual(['1-3', '7']);
  expect(formatIds([])).toBe('');
  expect(formatIds([1, 3, 4, 5, 9, 10])).toBe('1,3-5,9-10');
  expect(formatIds([1, 3, 5, 7], 5)).toBe('1,3,5 and 1 more range');
  expect(formatIds([1, 3, 5, 7], 7)).toBe('1,3,5,7');
  expect(formatIds([1001, 3001, 5001], 3)).toBe('1001 and 2 more ranges');
});

describe('text from outside', () => {
  test('is shown with its controls escaped, and otherwise as it is', () => {
    expect(printable(HOSTILE)).toBe(HARMLESS);
    expect(printable('Größe 東京 👩‍🚀 "a=b\\c"')).toBe('Größe 東京 👩‍🚀 "a=b\\c"');
  });

  test('becomes one line of a limited length', () => {
    expect(oneLine('  No\r\n\tpermission\u0007 ', 100)).toBe(String.raw`No permission\u0007`);
    expect(oneLine('abcdef', 3)).toBe('abc');
    expect(oneLine('ab👍', 3)).toBe(String.raw`ab\ud83d`);
  });

  test.each(LOG_FORMATS)('never reaches a %s log raw', (format) => {
    let lines = '';
    const logger = createLogger('info', format, { write: (line) => (lines += line) });
    logger.info({ [HOSTILE]: HOSTILE, list: [HOSTILE], nested: { [HOSTILE]: HOSTILE } }, HOSTILE);
    expect(lines).toMatch(/^[\x20-\x7e]+\n$/);
  });

  test('never gets raw into the message of an error', () => {
    const errors = [
      new ApiError(HOSTILE, { reason: 'api', hint: '' }),
      new UsageError(`first\n${HOSTILE}`),
      new OperationError(`first\n${HOSTILE}`),
      new ConfigError([{ file: HOSTILE, path: HOSTILE, message: HOSTILE }]),
    ];
    for (const { message } of errors) expect(message).toMatch(/^[\x20-\x7e\n]+$/);
    expect(errors[1]?.message).toBe(`first\n${HARMLESS}`);
  });
});

test('a list of texts is one plain value of a logfmt line', () => {
  let line = '';
  createLogger('info', 'logfmt', { write: (text) => (line = text) }).info({ problems: ['a: 1', 'b'] }, 'Refused');
  expect(line).toMatch(/ level=info msg=Refused problems="a: 1; b"\n$/);
});

test('the code and the message of an error are read from whatever was thrown', () => {
  expect(errorCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT');
  expect([errorCode(new Error('x')), errorCode('ENOENT'), errorCode(undefined)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect([errorMessage(new Error('x')), errorMessage('y'), errorMessage(undefined)]).toEqual(['x', 'y', 'undefined']);
});
