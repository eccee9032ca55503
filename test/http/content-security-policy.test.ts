import { expect, test } from 'vitest';
import { allowSources } from '../../src/http/content-security-policy.ts';

const NEEDS = { 'style-src': "'sha256-x'", 'img-src': 'data:', 'form-action': "'self'" };

test.each([
  ["default-src 'self'", "default-src 'self'; style-src 'self' 'sha256-x'; img-src 'self' data:"],
  ["default-src 'none'", "default-src 'none'; style-src 'sha256-x'; img-src data:"],
  ["style-src 'none'; img-src *", "style-src 'sha256-x'; img-src * data:"],
  ['STYLE-SRC a;; style-src-elem b; ', "STYLE-SRC a; style-src-elem b 'sha256-x'"],
  ["form-action 'none'", "form-action 'self'"],
  ['frame-ancestors a', 'frame-ancestors a'],
  [
    "default-src 'self', style-src a",
    "default-src 'self'; style-src 'self' 'sha256-x'; img-src 'self' data:, style-src a 'sha256-x'",
  ],
  ['', ''],
])('%s allows what the page needs, and nothing more', (configured, policy) => {
  expect(allowSources(configured, NEEDS)).toBe(policy);
});
