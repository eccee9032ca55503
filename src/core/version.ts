import { readFileSync } from 'node:fs';

/** The version in package.json, which lies one level above both `src` and `dist`. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

/** Where the documentation is read, an example: what alerts, dashboard and status page link to (docs/alerting.md). */
export const REPOSITORY_URL = 'https://git.example.com/aicc-cti-exporter';
